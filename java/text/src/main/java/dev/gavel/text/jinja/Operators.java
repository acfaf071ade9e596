package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.List;

/** Python's arithmetic operators on all values: nothing is turned into text or into a number. */
final class Operators {

  private Operators() {}

  static Object sign(String operator, Object operand) {
    if (operand instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (!Numbers.isNumber(operand)) {
      throw JinjaException.error(
          "a sign in front of a " + Values.typeName(operand) + "; it needs a number");
    }
    if (operator.equals("-")) {
      return Numbers.negate(operand);
    }
    return operand instanceof Boolean ? (Object) Numbers.toLong(operand) : operand;
  }

  static Object binary(String operator, Object left, Object right) {
    Evaluator.refuseMarkup(left);
    Evaluator.refuseMarkup(right);
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.arithmetic(operator, left, right);
    }
    if (operator.equals("%") && left instanceof String format) {
      return Format.percent(format, right);
    }
    if (left instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (right instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (operator.equals("+")) {
      if (left instanceof String a && right instanceof String b) {
        Limits.checkLength((long) a.length() + b.length());
        return a + b;
      }
      if (left instanceof List<?> a && right instanceof List<?> b) {
        return joined(a, b);
      }
      if (left instanceof Tuple a && right instanceof Tuple b) {
        return new Tuple(joined(a.items(), b.items()));
      }
    }
    if (operator.equals("*")) {
      if (left instanceof String text && Numbers.isInteger(right)) {
        return repeated(text, Numbers.toLong(right));
      }
      if (right instanceof String text && Numbers.isInteger(left)) {
        return repeated(text, Numbers.toLong(left));
      }
      if (left instanceof List || right instanceof List) {
        throw JinjaException.unsupported("repeating a list");
      }
    }
    throw JinjaException.error(
        "'"
            + operator
            + "' cannot combine a "
            + Values.typeName(left)
            + " with a "
            + Values.typeName(right)
            + "; for text use '~'");
  }

  private static List<Object> joined(List<?> left, List<?> right) {
    Limits.checkItems((long) left.size() + right.size());
    List<Object> all = new ArrayList<>(left);
    all.addAll(right);
    return all;
  }

  private static String repeated(String text, long times) {
    if (times <= 0) {
      return "";
    }
    Limits.checkLength(times > Limits.MAX_LENGTH ? times : times * text.length());
    return text.repeat((int) times);
  }
}
