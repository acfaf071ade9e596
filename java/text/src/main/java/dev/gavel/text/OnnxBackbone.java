package dev.gavel.text;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.InvalidTensorException;
import dev.gavel.message.Counted;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A backbone exported to ONNX, run by ONNX Runtime on the CPU without padding: sequences of the
 * same length go together, others alone.
 *
 * <p>The graph must have an i64 input {@code input_ids} [batch, tokens], may have {@code
 * attention_mask} (all ones are fed), {@code token_type_ids} (zeros, or of pairs 0 and 1), {@code
 * position_ids} (0, 1, ..., going on after the shared rows in every block) and {@code block_mask},
 * bool [batch, 1, tokens, tokens] (which rows see which), and must have an output [batch, tokens,
 * H], which is called {@code last_hidden_state} where there is more than one. Hidden states are
 * copied once; f16 and bf16 ones are widened, which is exact. Closing while a call runs throws
 * {@link IllegalStateException}, and so does use after closing. A JVM that ends waits for the calls
 * that run; one that is made later throws {@link IllegalStateException}.
 */
public final class OnnxBackbone implements Backbone {
  // ONNX Runtime takes its buffers as java.nio ones, which end at 2^31 bytes.
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final OnnxGraph graph;
  private final int batchTokens;
  private final Optional<Long> secondTextAfter;
  private final boolean invariant;
  private final String description;
  private final UseCount uses;

  private OnnxBackbone(
      OrtSession session, OnnxGraph graph, Options options, Path name, boolean invariant) {
    this.environment = OnnxEnvironment.get();
    this.session = session;
    this.graph = graph;
    this.batchTokens = options.batchTokens();
    this.secondTextAfter = options.secondTextAfter();
    this.invariant = invariant;
    this.description = "ONNX %s, H = %d".formatted(name.getFileName(), graph.width());
    this.uses = new UseCount("backbone " + description);
  }

  /**
   * How to run.
   *
   * @param threads threads one call may use
   * @param batchTokens most tokens of sequences of one length that go together; a longer sequence
   *     goes alone
   * @param secondTextAfter id of the token after whose first place in a sequence {@code
   *     token_type_ids} are 1, as BERT tells the texts of a pair apart; empty where they are all 0
   */
  public record Options(int threads, int batchTokens, Optional<Long> secondTextAfter) {
    /** Token types are all 0. */
    public Options(int threads, int batchTokens) {
      this(threads, batchTokens, Optional.empty());
    }

    /** Checks the numbers. */
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

    Options withSecondTextAfter(long token) {
      return new Options(threads, batchTokens, Optional.of(token));
    }
  }

  /**
   * Loads a graph.
   *
   * @throws FormatException if the file is no ONNX graph, not one that this class can run, or has
   *     numbers in a file outside of its folder
   * @throws dev.gavel.FileException if it cannot be read
   * @throws dev.gavel.NativeLoadException if ONNX Runtime has no native code here
   */
  public static OnnxBackbone load(Path file, Options options) {
    // ONNX Runtime would read whatever file the graph names.
    OnnxDataFiles.of(file);
    return open(
        file,
        options,
        false,
        (environment, settings) -> environment.createSession(file.toString(), settings));
  }

  /**
   * Loads a graph from memory.
   *
   * @param name where it came from, for messages
   * @param invariant whether its hidden states are known to keep their bits in any company
   */
  static OnnxBackbone load(byte[] graph, Path name, Options options, boolean invariant) {
    return open(
        name,
        options,
        invariant,
        (environment, settings) -> environment.createSession(graph, settings));
  }

  /** Version of ONNX Runtime. */
  public static String runtimeVersion() {
    return OnnxEnvironment.get().getVersion();
  }

  @Override
  public int width() {
    return graph.width();
  }

  /**
   * {@inheritDoc}
   *
   * <p>Without padding no sequence sees another. That ONNX Runtime's kernels, too, give a row the
   * same bits in any company and with any threads is proven for the built-in encoder by this
   * module's tests, and not promised for other graphs.
   */
  @Override
  public boolean invariant() {
    return invariant;
  }

  @Override
  public String description() {
    return description;
  }

  /** The batch tokens, where the graph has a block mask, restarts positions, and is causal. */
  @Override
  public int longestShared() {
    return graph.sharesPrompts() ? batchTokens : 0;
  }

  @Override
  public void run(List<Tokens> sequences, List<Blocks> blocks, HostTensor hidden) {
    int count = sequences.size();
    long[] starts = new long[count + 1];
    for (int i = 0; i < count; i++) {
      if (sequences.get(i).size() == 0) {
        throw new InvalidArgumentException(
            "sequence %d of %d has no tokens; it must have at least one".formatted(i, count));
      }
      starts[i + 1] = starts[i] + sequences.get(i).size();
    }
    requireBlocks(sequences, blocks);
    requireRoom(hidden, starts[count]);
    List<Integer> order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingInt(i -> sequences.get(i).size()))
            .toList();
    begin();
    try {
      int from = 0;
      while (from < count) {
        int length = sequences.get(order.get(from)).size();
        int to = from + 1;
        while (to < count
            && sequences.get(order.get(to)).size() == length
            && (long) (to + 1 - from) * length <= batchTokens) {
          to++;
        }
        runTogether(sequences, blocks, order.subList(from, to), length, starts, hidden);
        from = to;
      }
    } finally {
      OnnxCalls.leave();
      uses.end();
    }
  }

  private void begin() {
    uses.begin();
    try {
      OnnxCalls.enter();
    } catch (IllegalStateException e) {
      uses.end();
      throw e;
    }
  }

  @Override
  public void close() {
    // Where the JVM is ending, the memory goes with the process.
    if (!uses.close() || !OnnxCalls.tryEnter()) {
      return;
    }
    try {
      session.close();
    } catch (OrtException e) {
      throw failed("closing", e);
    } finally {
      OnnxCalls.leave();
    }
  }

  private void requireBlocks(List<Tokens> sequences, List<Blocks> blocks) {
    if (blocks.size() != sequences.size()) {
      throw new InvalidArgumentException(
          "%d sequences and blocks of %d; there must be one for each"
              .formatted(sequences.size(), blocks.size()));
    }
    for (int i = 0; i < blocks.size(); i++) {
      Blocks each = blocks.get(i);
      if (each.isNone()) {
        continue;
      }
      if (!graph.sharesPrompts()) {
        throw new InvalidArgumentException(
            "sequence %d of %d is divided into blocks and %s cannot run it: the graph must have inputs block_mask and position_ids and be causal"
                .formatted(i, blocks.size(), description));
      }
      if (each.rows() != sequences.get(i).size()) {
        throw new InvalidArgumentException(
            "sequence %d of %d has %d tokens and its blocks %d"
                .formatted(i, blocks.size(), sequences.get(i).size(), each.rows()));
      }
    }
  }

  private void requireRoom(HostTensor hidden, long rows) {
    if (hidden.dtype() != DType.F32
        || hidden.rank() != 2
        || hidden.size(0) < rows
        || hidden.size(1) != width()) {
      throw new InvalidTensorException(
          "hidden states are to be written to %s; %d tokens need f32[%d,%d] or more rows"
              .formatted(hidden, rows, rows, width()));
    }
  }

  private void runTogether(
      List<Tokens> sequences,
      List<Blocks> blocks,
      List<Integer> members,
      int length,
      long[] starts,
      HostTensor hidden) {
    long rows = (long) members.size() * length;
    long rowBytes = (long) width() * Float.BYTES;
    if (rows * rowBytes > MOST_BYTES) {
      throw new InvalidArgumentException(
          "%d sequences of %d tokens have %d bytes of hidden states; ONNX Runtime takes at most %d at once: lower the batch tokens or the context"
              .formatted(members.size(), length, rows * rowBytes, MOST_BYTES));
    }
    DType stored =
        switch (graph.type()) {
          case FLOAT16 -> DType.F16;
          case BFLOAT16 -> DType.BF16;
          default -> DType.F32;
        };
    // ONNX Runtime writes to memory that only this call can free: the caller's tensor could be
    // closed
    // under it, and the JVM would die. The copy is a thousandth of the time of a run.
    try (HostTensor together = HostTensor.allocate(stored, rows, width())) {
      infer(
          members.stream().map(sequences::get).toList(),
          members.stream().map(blocks::get).toList(),
          together.segment());
      for (int i = 0; i < members.size(); i++) {
        long values = (long) length * width();
        widen(together, i * values, values, hidden.segment(), starts[members.get(i)] * rowBytes);
      }
    }
  }

  private static void widen(
      HostTensor from, long first, long values, MemorySegment to, long toOffset) {
    if (from.dtype() == DType.F32) {
      MemorySegment.copy(from.segment(), first * Float.BYTES, to, toOffset, values * Float.BYTES);
      return;
    }
    for (long i = 0; i < values; i++) {
      to.set(ValueLayout.JAVA_FLOAT, toOffset + i * Float.BYTES, from.floatAt(first + i));
    }
  }

  private void infer(List<Tokens> sequences, List<Blocks> blocks, MemorySegment target) {
    int length = sequences.getFirst().size();
    ByteBuffer memory = target.asByteBuffer().order(ByteOrder.nativeOrder());
    long[] states = {sequences.size(), length, width()};
    try (GraphInputs inputs =
            new GraphInputs(environment, graph, sequences, blocks, secondTextAfter);
        OnnxTensor result =
            graph.type() == OnnxJavaType.FLOAT
                ? OnnxTensor.createTensor(environment, memory.asFloatBuffer(), states)
                : OnnxTensor.createTensor(environment, memory, states, graph.type())) {
      session.run(inputs.tensors(), Map.of(graph.output(), result)).close();
    } catch (OrtException e) {
      throw failed(
          "running %s of %s"
              .formatted(Counted.of(sequences.size(), "sequence"), Counted.of(length, "token")),
          e);
    }
  }

  @FunctionalInterface
  private interface SessionMaker {
    OrtSession make(OrtEnvironment environment, OrtSession.SessionOptions settings)
        throws OrtException;
  }

  private static OnnxBackbone open(
      Path name, Options options, boolean invariant, SessionMaker maker) {
    OrtEnvironment environment = OnnxEnvironment.get();
    OnnxCalls.enter();
    try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
      settings.setIntraOpNumThreads(options.threads());
      settings.setInterOpNumThreads(1);
      // Threads wait for one another at every node of the graph: parking each time makes short
      // calls slower. Between calls they must not spin, or they take the cores from the head and
      // from other processes.
      settings.addConfigEntry("session.intra_op.allow_spinning", "1");
      settings.addConfigEntry("session.force_spinning_stop", "1");
      // Its warnings go to standard error, past every logger; its errors come as exceptions, too.
      settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
      OrtSession session = maker.make(environment, settings);
      try {
        OnnxGraph graph = OnnxGraph.read(session, name);
        if (options.secondTextAfter().isPresent() && !graph.inputs().contains(OnnxGraph.TYPES)) {
          throw new FormatException(
              name,
              "has no input %s, by which the model tells the texts of a pair apart; export it with this input"
                  .formatted(OnnxGraph.TYPES));
        }
        return new OnnxBackbone(session, graph, options, name, invariant);
      } catch (RuntimeException | OrtException e) {
        session.close();
        throw e;
      }
    } catch (OrtException e) {
      throw new FormatException(name, "was refused by ONNX Runtime: " + e.getMessage(), e);
    } finally {
      OnnxCalls.leave();
    }
  }

  private static GavelException failed(String what, OrtException e) {
    return new GavelException("ONNX Runtime failed in %s: %s".formatted(what, e.getMessage()), e);
  }
}
