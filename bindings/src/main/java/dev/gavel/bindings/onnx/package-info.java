/** What ONNX Runtime's Java interface cannot be told, by its C interface. */
@NullMarked
package dev.gavel.bindings.onnx;

import org.jspecify.annotations.NullMarked;
