package dev.gavel.checkpoint;

import java.util.function.Function;
import java.util.function.Predicate;

/**
 * One row of the table of patterns.
 *
 * @param pattern what it recognises
 * @param claims whether a folder is meant to be of the pattern, by names of tensors and by the
 *     configuration; the first rule that claims a folder decides
 * @param plan compares the folder with the pattern, tensor by tensor, and says how to read it
 */
record PatternRule(HeadPattern pattern, Predicate<Facts> claims, Function<Facts, Plan> plan) {}
