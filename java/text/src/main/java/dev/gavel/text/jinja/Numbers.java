package dev.gavel.text.jinja;

import java.math.BigInteger;

/** Python's arithmetic on bool, int and float. Integers beyond 64 bits are refused, not wrapped. */
final class Numbers {

  private Numbers() {}

  static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  static boolean isInteger(Object value) {
    return value instanceof Long || value instanceof Boolean;
  }

  static long toLong(Object value) {
    return switch (value) {
      case Long number -> number;
      case Boolean flag -> flag ? 1 : 0;
      case Undefined undefined -> throw undefined.fail();
      default ->
          throw JinjaException.error("expected an integer, found a " + Values.typeName(value));
    };
  }

  static double toDouble(Object value) {
    return value instanceof Double number ? number : toLong(value);
  }

  static Object parseInteger(Token token) {
    String digits = token.text().replace("_", "");
    int radix = 10;
    if (digits.length() > 1 && digits.charAt(0) == '0') {
      radix =
          switch (Character.toLowerCase(digits.charAt(1))) {
            case 'b' -> 2;
            case 'o' -> 8;
            case 'x' -> 16;
            default -> 10;
          };
    }
    try {
      return narrowed(new BigInteger(radix == 10 ? digits : digits.substring(2), radix));
    } catch (JinjaException e) {
      throw e.atLine(token.line());
    }
  }

  static Object narrowed(BigInteger value) {
    if (value.bitLength() > 63) {
      throw JinjaException.unsupported("an integer beyond 64 bits");
    }
    return value.longValue();
  }

  static Object negate(Object value) {
    return value instanceof Double number ? -number : narrowed(big(value).negate());
  }

  static Object arithmetic(String operator, Object left, Object right) {
    return isInteger(left) && isInteger(right)
        ? integers(operator, left, right)
        : floats(operator, toDouble(left), toDouble(right));
  }

  private static Object integers(String operator, Object left, Object right) {
    BigInteger a = big(left);
    BigInteger b = big(right);
    return switch (operator) {
      case "+" -> narrowed(a.add(b));
      case "-" -> narrowed(a.subtract(b));
      case "*" -> narrowed(a.multiply(b));
      case "/" -> {
        // One rounding only: both sides must be exact as doubles.
        if (a.bitLength() > 53 || b.bitLength() > 53) {
          throw JinjaException.unsupported("dividing integers beyond 53 bits");
        }
        yield nonZero(b.doubleValue()) == 0 ? 0.0 : a.doubleValue() / b.doubleValue();
      }
      case "//" -> {
        nonZero(b.signum());
        yield narrowed(BigInteger.valueOf(Math.floorDiv(a.longValueExact(), b.longValueExact())));
      }
      case "%" -> {
        nonZero(b.signum());
        yield Math.floorMod(a.longValueExact(), b.longValueExact());
      }
      case "**" -> {
        if (b.signum() < 0 || b.bitLength() > 10) {
          throw JinjaException.unsupported("a power with a negative or very large exponent");
        }
        yield narrowed(a.pow(b.intValueExact()));
      }
      default -> throw new IllegalArgumentException(operator);
    };
  }

  private static Object floats(String operator, double a, double b) {
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / nonZero(b);
      case "//" -> floorDivide(a, nonZero(b));
      case "%" -> modulo(a, nonZero(b));
      default -> throw JinjaException.unsupported("a power of floating-point numbers");
    };
  }

  /** The remainder with the divisor's sign, as CPython's {@code float_rem} computes it. */
  private static double modulo(double a, double b) {
    double remainder = a % b;
    if (remainder == 0) {
      return Math.copySign(0.0, b);
    }
    return (b < 0) != (remainder < 0) ? remainder + b : remainder;
  }

  private static double floorDivide(double a, double b) {
    double quotient = (a - modulo(a, b)) / b;
    if (quotient == 0) {
      return Math.copySign(0.0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static double nonZero(double divisor) {
    if (divisor == 0) {
      throw JinjaException.error("division by zero");
    }
    return divisor;
  }

  private static BigInteger big(Object value) {
    return BigInteger.valueOf(toLong(value));
  }
}
