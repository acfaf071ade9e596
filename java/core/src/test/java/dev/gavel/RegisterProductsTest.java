package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RegisterProductsTest {
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void everyRoundIsAsManyOperations(DType dtype) {
    try (Context context = Context.open()) {
      long round = context.registerProducts(dtype, 1);
      assertTrue(round > 0, () -> "a round is " + round);
      assertEquals(0, context.registerProducts(dtype, 0));
      assertEquals(1000 * round, context.registerProducts(dtype, 1000));
    }
  }

  @Test
  void otherTypesAndNumbersAreRefused() {
    try (Context context = Context.open()) {
      assertThrows(InvalidArgumentException.class, () -> context.registerProducts(DType.I64, 1));
      assertThrows(InvalidArgumentException.class, () -> context.registerProducts(DType.F32, -1));
    }
  }
}
