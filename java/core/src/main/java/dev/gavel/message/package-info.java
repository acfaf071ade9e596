/** How the messages of Gavel's own modules are worded; not for others. */
@NullMarked
package dev.gavel.message;

import org.jspecify.annotations.NullMarked;
