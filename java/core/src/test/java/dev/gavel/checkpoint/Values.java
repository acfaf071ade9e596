package dev.gavel.checkpoint;

import dev.gavel.Activation;

/**
 * One response's numbers on their way through a published class: the operations those classes are
 * made of, so that plain Java and LibTorch can each compute the same model.
 */
interface Values {

  /** W x + b. */
  Values linear(TestTensor weight, TestTensor... bias);

  Values activate(Activation activation);

  /** (x - mean) / deviation. */
  Values standardised(double mean, double deviation);

  Values softmax();

  /** Some of the values, in this order. */
  Values take(int... indices);

  /** The numbers. */
  double[] value();
}
