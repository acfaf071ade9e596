/**
 * How well scores agree with what people prefer: accuracies, the benchmarks that count them,
 * correlations, calibration, best-of-N curves, and how sure one can be of them.
 *
 * <p>What a tie counts is always said. A score that is NaN is an error (but see {@link
 * dev.gavel.metric.Agreement}, which counts it as wrong). A score of -infinity, of a response
 * without a token, is the lowest there is; where arithmetic would spread it, it is an error. What
 * is not defined, such as the correlation of constants, is empty and not NaN.
 */
@NullMarked
package dev.gavel.metric;

import org.jspecify.annotations.NullMarked;
