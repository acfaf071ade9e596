package dev.gavel.bindings;

import java.util.Optional;

/**
 * Whether handles remember where they were created: {@code -Dgavel.leaks=trace}. Costs a stack
 * trace per handle.
 */
final class LeakTracking {
  static final String PROPERTY = "gavel.leaks";

  private LeakTracking() {}

  /**
   * The place of the caller, where it is asked for.
   *
   * @throws IllegalArgumentException if the property has a value this module does not know
   */
  static Optional<Throwable> origin() {
    String value = System.getProperty(PROPERTY);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.equals("trace")) {
      throw new IllegalArgumentException(
          "-D%s=%s is unknown: use -D%s=trace, or leave it out"
              .formatted(PROPERTY, value, PROPERTY));
    }
    return Optional.of(new Throwable("created here, by " + Thread.currentThread()));
  }
}
