package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Statement.Signature;
import java.util.List;

/**
 * A macro, or the body of a call block, with the scope it was written in.
 *
 * @param name its name, for messages
 * @param signature its parameters
 * @param body what it renders
 * @param scope where its body looks names up
 */
record Macro(String name, Signature signature, List<Statement> body, Scope scope) {}
