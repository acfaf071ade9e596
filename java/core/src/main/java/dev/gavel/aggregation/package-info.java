/**
 * What is done with scores once they are there: steps become one score, responses are chosen, voted
 * on, compared or sampled, scores of several models or criteria become one, and scores become
 * rewards and advantages for training. Plain Java on {@code double}, a group (the responses of one
 * prompt) at a time; {@link dev.gavel.aggregation.Groups} does it for many.
 *
 * <p>What papers and code leave open or do differently is a parameter with a name and has no
 * default: the divisor of a variance, where an epsilon stands, what a group of one gets, which of
 * several equal scores wins. A score that is NaN is an error everywhere. A score of -infinity is
 * that of a response without a token: it is never chosen; where arithmetic would spread it, it is
 * an error.
 */
@NullMarked
package dev.gavel.aggregation;

import org.jspecify.annotations.NullMarked;
