package dev.gavel.text;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.gavel.InvalidArgumentException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a graph is fed for sequences of one length, without padding. Closes its tensors. */
final class GraphInputs implements AutoCloseable {
  private final Map<String, OnnxTensor> tensors = new HashMap<>();

  /**
   * Makes the inputs.
   *
   * @param sequences of the same length, at least one
   * @param blocks how each is divided; only a graph with a block mask is given divided ones
   * @param secondTextAfter token after whose first place token types are 1
   */
  GraphInputs(
      OrtEnvironment environment,
      OnnxGraph graph,
      List<Tokens> sequences,
      List<Blocks> blocks,
      Optional<Long> secondTextAfter)
      throws OrtException {
    int length = sequences.getFirst().size();
    long[] shape = {sequences.size(), length};
    try {
      for (String input : graph.inputs()) {
        tensors.put(
            input,
            input.equals(OnnxGraph.BLOCK_MASK)
                ? blockMask(environment, graph.causal(), blocks, length)
                : OnnxTensor.createTensor(
                    environment, values(input, sequences, blocks, secondTextAfter), shape));
      }
    } catch (OrtException | RuntimeException e) {
      close();
      throw e;
    }
  }

  Map<String, OnnxTensor> tensors() {
    return tensors;
  }

  private static LongBuffer values(
      String input, List<Tokens> sequences, List<Blocks> blocks, Optional<Long> secondTextAfter) {
    int length = sequences.getFirst().size();
    LongBuffer values = LongBuffer.allocate(Math.multiplyExact(sequences.size(), length));
    for (int i = 0; i < sequences.size(); i++) {
      Tokens sequence = sequences.get(i);
      switch (input) {
        case "input_ids" -> sequence.copyTo(values);
        case OnnxGraph.POSITIONS -> values.put(blocks.get(i).positions(length));
        case "attention_mask" -> fill(values, length, 1);
        case OnnxGraph.TYPES -> {
          int first = secondTextAfter.map(token -> through(sequence, token)).orElse(length);
          fill(values, first, 0);
          fill(values, length - first, 1);
        }
        default -> fill(values, length, 0);
      }
    }
    return values.flip();
  }

  /** Tokens up to the first of this id, it included; all where it is not there. */
  private static int through(Tokens tokens, long id) {
    int count = 0;
    while (count < tokens.size()) {
      count++;
      if (tokens.id(count - 1) == id) {
        break;
      }
    }
    return count;
  }

  private static void fill(LongBuffer values, int count, long value) {
    for (int i = 0; i < count; i++) {
      values.put(value);
    }
  }

  private static OnnxTensor blockMask(
      OrtEnvironment environment, boolean causal, List<Blocks> blocks, int length)
      throws OrtException {
    long bytes = (long) blocks.size() * length * length;
    if (bytes > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "the block mask of %d sequences of %d tokens has %d bytes; ONNX Runtime takes at most %d at once: lower the batch tokens or the context, or use a graph without a block mask"
              .formatted(blocks.size(), length, bytes, Integer.MAX_VALUE));
    }
    ByteBuffer mask = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder());
    for (Blocks each : blocks) {
      each.write(length, causal, mask);
    }
    long[] shape = {blocks.size(), 1, length, length};
    return OnnxTensor.createTensor(environment, mask.flip(), shape, OnnxJavaType.BOOL);
  }

  @Override
  public void close() {
    tensors.values().forEach(OnnxTensor::close);
  }
}
