package dev.gavel.text;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.InvalidTensorException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A backbone exported to ONNX, run by ONNX Runtime on the CPU without padding: sequences of the
 * same length go together, others alone. ONNX Runtime writes the hidden states in place.
 *
 * <p>The graph must have an i64 input {@code input_ids} [batch, tokens], may have {@code
 * attention_mask} (all ones are fed), {@code token_type_ids} (zeros) and {@code position_ids} (0,
 * 1, ...), and must have an f32 output [batch, tokens, H], which is called {@code
 * last_hidden_state} where there is more than one.
 */
public final class OnnxBackbone implements Backbone {
  private static final String OUTPUT = "last_hidden_state";

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final List<String> inputs;
  private final String output;
  private final int width;
  private final int batchTokens;
  private final String description;

  private OnnxBackbone(OrtSession session, Options options, Path name) throws OrtException {
    this.environment = OrtEnvironment.getEnvironment();
    this.session = session;
    this.batchTokens = options.batchTokens();
    this.inputs = List.copyOf(inputs(session, name));
    Map<String, TensorInfo> outputs = new HashMap<>();
    for (NodeInfo node : session.getOutputInfo().values()) {
      if (node.getInfo() instanceof TensorInfo info && info.getShape().length == 3) {
        outputs.put(node.getName(), info);
      }
    }
    if (outputs.isEmpty() || (outputs.size() > 1 && !outputs.containsKey(OUTPUT))) {
      throw new FormatException(
          name,
          "has outputs %s; one of shape [batch, tokens, H] is needed, called %s if there are several"
              .formatted(session.getOutputNames(), OUTPUT));
    }
    this.output = outputs.containsKey(OUTPUT) ? OUTPUT : outputs.keySet().iterator().next();
    TensorInfo info = outputs.get(output);
    if (info == null || info.type != OnnxJavaType.FLOAT) {
      throw new FormatException(
          name,
          "has output %s of type %s; export it as f32"
              .formatted(output, info == null ? "none" : info.type));
    }
    long declared = info.getShape()[2];
    if (declared < 1 || declared > Integer.MAX_VALUE) {
      throw new FormatException(
          name, "has output %s with H = %d; it must be a fixed width".formatted(output, declared));
    }
    this.width = (int) declared;
    this.description = "ONNX %s, H = %d".formatted(name.getFileName(), width);
  }

  /**
   * How to run.
   *
   * @param threads threads one call may use
   * @param batchTokens most tokens of sequences of one length that go together; a longer sequence
   *     goes alone
   */
  public record Options(int threads, int batchTokens) {
    /** Checks both numbers. */
    public Options {
      if (threads < 1) {
        throw new InvalidArgumentException(
            "backbone: threads is %d; it must be 1 or more".formatted(threads));
      }
      if (batchTokens < 1) {
        throw new InvalidArgumentException(
            "backbone: batch tokens is %d; it must be 1 or more".formatted(batchTokens));
      }
    }

    /** One thread per processor, 2048 tokens together. */
    public static Options defaults() {
      return new Options(Runtime.getRuntime().availableProcessors(), 2048);
    }
  }

  /**
   * Loads a graph.
   *
   * @throws FormatException if the file is no ONNX graph, or not one that this class can run
   */
  public static OnnxBackbone load(Path file, Options options) {
    return open(
        file,
        options,
        (environment, settings) -> environment.createSession(file.toString(), settings));
  }

  /** Loads a graph from memory; the name is for messages. */
  static OnnxBackbone load(byte[] graph, Path name, Options options) {
    return open(
        name, options, (environment, settings) -> environment.createSession(graph, settings));
  }

  /** Version of ONNX Runtime. */
  public static String runtimeVersion() {
    return OrtEnvironment.getEnvironment().getVersion();
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public boolean invariant() {
    return true;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public void run(List<Tokens> sequences, HostTensor hidden) {
    int count = sequences.size();
    long[] starts = new long[count + 1];
    for (int i = 0; i < count; i++) {
      if (sequences.get(i).size() == 0) {
        throw new InvalidArgumentException(
            "sequence %d of %d has no tokens; it must have at least one".formatted(i, count));
      }
      starts[i + 1] = starts[i] + sequences.get(i).size();
    }
    if (hidden.dtype() != DType.F32
        || hidden.rank() != 2
        || hidden.size(0) < starts[count]
        || hidden.size(1) != width) {
      throw new InvalidTensorException(
          "hidden states are to be written to %s; %d tokens need f32[%d,%d] or more rows"
              .formatted(hidden, starts[count], starts[count], width));
    }
    List<Integer> order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingInt(i -> sequences.get(i).size()))
            .toList();
    int from = 0;
    while (from < count) {
      int length = sequences.get(order.get(from)).size();
      int to = from + 1;
      while (to < count
          && sequences.get(order.get(to)).size() == length
          && (long) (to + 1 - from) * length <= batchTokens) {
        to++;
      }
      runTogether(sequences, order.subList(from, to), length, starts, hidden);
      from = to;
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw failed("closing", e);
    }
  }

  private void runTogether(
      List<Tokens> sequences, List<Integer> members, int length, long[] starts, HostTensor hidden) {
    LongBuffer ids = LongBuffer.allocate(members.size() * length);
    members.forEach(member -> sequences.get(member).copyTo(ids));
    boolean adjacent = true;
    for (int i = 1; i < members.size(); i++) {
      adjacent &= starts[members.get(i)] == starts[members.get(i - 1)] + length;
    }
    long rows = (long) members.size() * length;
    MemorySegment all = hidden.segment();
    long rowBytes = (long) width * Float.BYTES;
    if (adjacent) {
      infer(
          ids.flip(),
          members.size(),
          length,
          all.asSlice(starts[members.get(0)] * rowBytes, rows * rowBytes));
      return;
    }
    try (HostTensor together = HostTensor.allocate(DType.F32, rows, width)) {
      infer(ids.flip(), members.size(), length, together.segment());
      long bytes = length * rowBytes;
      for (int i = 0; i < members.size(); i++) {
        MemorySegment.copy(
            together.segment(), i * bytes, all, starts[members.get(i)] * rowBytes, bytes);
      }
    }
  }

  private void infer(LongBuffer ids, int batch, int length, MemorySegment target) {
    long[] shape = {batch, length};
    List<OnnxTensor> open = new ArrayList<>();
    try {
      Map<String, OnnxTensor> fed = new HashMap<>();
      for (String input : inputs) {
        LongBuffer values = input.equals("input_ids") ? ids : filled(input, batch, length);
        OnnxTensor tensor = OnnxTensor.createTensor(environment, values, shape);
        open.add(tensor);
        fed.put(input, tensor);
      }
      OnnxTensor result =
          OnnxTensor.createTensor(
              environment,
              target.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(),
              new long[] {batch, length, width});
      open.add(result);
      session.run(fed, Map.of(output, result)).close();
    } catch (OrtException e) {
      throw failed("running %d sequences of %d tokens".formatted(batch, length), e);
    } finally {
      open.forEach(OnnxTensor::close);
    }
  }

  private static LongBuffer filled(String input, int batch, int length) {
    LongBuffer values = LongBuffer.allocate(batch * length);
    for (int i = 0; i < batch * length; i++) {
      values.put(
          i,
          switch (input) {
            case "attention_mask" -> 1;
            case "position_ids" -> i % length;
            default -> 0;
          });
    }
    return values;
  }

  private static List<String> inputs(OrtSession session, Path name) throws OrtException {
    List<String> names = new ArrayList<>();
    for (NodeInfo node : session.getInputInfo().values()) {
      boolean known =
          switch (node.getName()) {
            case "input_ids", "attention_mask", "token_type_ids", "position_ids" -> true;
            default -> false;
          };
      if (!known
          || !(node.getInfo() instanceof TensorInfo info)
          || info.type != OnnxJavaType.INT64
          || info.getShape().length != 2) {
        throw new FormatException(
            name,
            "has input %s; inputs may be input_ids, attention_mask, token_type_ids and position_ids, i64 [batch, tokens]"
                .formatted(node));
      }
      names.add(node.getName());
    }
    if (!names.contains("input_ids")) {
      throw new FormatException(
          name, "has inputs %s; input_ids is needed".formatted(session.getInputNames()));
    }
    return names;
  }

  @FunctionalInterface
  private interface SessionMaker {
    OrtSession make(OrtEnvironment environment, OrtSession.SessionOptions settings)
        throws OrtException;
  }

  private static OnnxBackbone open(Path name, Options options, SessionMaker maker) {
    try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
      settings.setIntraOpNumThreads(options.threads());
      settings.setInterOpNumThreads(1);
      // Threads that spin between calls would take the cores from the head and from other
      // processes.
      settings.addConfigEntry("session.intra_op.allow_spinning", "0");
      OrtSession session = maker.make(OrtEnvironment.getEnvironment(), settings);
      try {
        return new OnnxBackbone(session, options, name);
      } catch (RuntimeException | OrtException e) {
        session.close();
        throw e;
      }
    } catch (OrtException e) {
      throw new FormatException(name, "was refused by ONNX Runtime: " + e.getMessage(), e);
    }
  }

  private static GavelException failed(String what, OrtException e) {
    return new GavelException("ONNX Runtime failed in %s: %s".formatted(what, e.getMessage()), e);
  }
}
