package dev.gavel.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;

/** A graph with one f32 input and one f32 output, whose memory is bound once. */
final class OnnxSession implements AutoCloseable {
  private final OrtSession session;
  private final OnnxTensor input;
  private final OnnxTensor output;
  private final FloatBuffer result;

  OnnxSession(byte[] model, int threads, float[] values, long[] sizes, long[] outputSizes) {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      OrtEnvironment environment = OrtEnvironment.getEnvironment();
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(model, options);
      FloatBuffer buffer = direct(values.length);
      buffer.put(values).flip();
      input = OnnxTensor.createTensor(environment, buffer, sizes);
      long count = 1;
      for (long size : outputSizes) {
        count *= size;
      }
      result = direct(Math.toIntExact(count));
      output = OnnxTensor.createTensor(environment, result, outputSizes);
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime refuses the graph: " + e.getMessage(), e);
    }
  }

  void run() {
    try {
      session.run(Map.of("x", input), Map.of("y", output)).close();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime failed: " + e.getMessage(), e);
    }
  }

  float[] results() {
    float[] copy = new float[result.capacity()];
    result.get(0, copy);
    return copy;
  }

  @Override
  public void close() {
    input.close();
    output.close();
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime failed in closing: " + e.getMessage(), e);
    }
  }

  private static FloatBuffer direct(int count) {
    return ByteBuffer.allocateDirect(count * Float.BYTES)
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }
}
