/**
 * Published reward models: recognises the head in a Hugging Face folder, reads its tensors and
 * nothing else, and says how it is to be used.
 *
 * <p>{@link dev.gavel.checkpoint.HeadPattern} lists what is recognised. Every file is hostile until
 * it is checked: sizes, offsets, names, nesting, and every object a pickle asks for.
 */
@NullMarked
package dev.gavel.checkpoint;

import org.jspecify.annotations.NullMarked;
