package dev.gavel;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/** {@link HeadAccuracyTest} on CUDA, in the type in which the order of sums decides. */
@ExtendWith(NoLeaks.class)
class CudaHeadAccuracyTest {
  @TestFactory
  Stream<DynamicTest> everyHeadIsAsCloseToTheTruthAsLibTorch() {
    return HeadAccuracy.tests(CudaTest::cuda, DType.F32);
  }
}
