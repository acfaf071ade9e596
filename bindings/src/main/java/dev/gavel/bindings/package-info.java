/**
 * The C interface of Gavel as Java sees it: library loading, handles, errors, struct writers and
 * one typed method per function. Internal to the project; applications use {@code dev.gavel}.
 */
@NullMarked
package dev.gavel.bindings;

import org.jspecify.annotations.NullMarked;
