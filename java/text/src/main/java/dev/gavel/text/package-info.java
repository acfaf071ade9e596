/** From text to scores: tokens, layouts, chat templates, backbones and reward models. */
@NullMarked
package dev.gavel.text;

import org.jspecify.annotations.NullMarked;
