package dev.gavel.text.jinja;

/**
 * Jinja's default undefined: it prints as nothing, is false, is empty, and refuses all else.
 *
 * @param message what the error says when something refused is tried
 */
record Undefined(String message) {

  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined member(Object owner, Object name) {
    return new Undefined(
        "a " + Values.typeName(owner) + " has no element or attribute " + Repr.repr(name));
  }

  JinjaException fail() {
    return JinjaException.error(message);
  }
}
