package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.UseGuard;
import dev.gavel.bindings.ffi.gavel_tensor;
import dev.gavel.checkpoint.HeadCheckpoint;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A reward head with its own packed copy of the parameters: turns the hidden states of responses
 * into scores.
 *
 * <p>Many threads may score with one head at once, each with its own {@link ScoreBatch}. An {@link
 * Optimizer#step} on it excludes every other call: whoever meets one gets {@link BusyException}
 * instead of waiting. {@link #close()} throws {@link IllegalStateException} while a call uses the
 * head, and every use after it throws the same.
 *
 * <p>A call runs on the calling thread and the context's own, and returns when it is done. On CUDA
 * the tensors of these methods still lie in host memory: a call copies them to the device and the
 * results back. A call pins the carrier of a virtual thread: in a server, score from platform
 * threads.
 *
 * <p>The bits of a score depend on the response's own rows, the head, the kind of device and the
 * library's version (but see {@link Context.Mode#FAST}): not on the batch, the position in it, the
 * number of threads or the instruction set.
 */
public final class RewardHead implements AutoCloseable {
  private final Context context;
  private final HeadSpec spec;
  private final NativeHandle handle;
  // Counts optimizer steps, so that a backward pass can tell that its forward pass saw other
  // parameters.
  private final AtomicLong parameterVersion = new AtomicLong();
  // Uses as a gate, whose address is a field of another head's call.
  private final UseGuard uses = new UseGuard("reward head");

  private RewardHead(Context context, HeadSpec spec, NativeHandle handle) {
    this.context = context;
    this.spec = spec;
    this.handle = handle;
  }

  /**
   * A head with these parameters, which are copied.
   *
   * @param context where it computes
   * @param spec its shape and formula
   * @param parameters one tensor per parameter of the spec, by its canonical name, of its shape and
   *     the spec's type; no others
   * @throws InvalidTensorException if a name, type or shape differs; the message lists the
   *     differences
   */
  public static RewardHead create(
      Context context, HeadSpec spec, Map<String, HostTensor> parameters) {
    List<HostTensor> ordered = HeadParameters.inOrder(spec, parameters);
    int acquired = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment descriptors = HeadParameters.descriptors(arena, ordered.size());
      for (HostTensor tensor : ordered) {
        tensor.acquire();
        acquired++;
      }
      for (int i = 0; i < ordered.size(); i++) {
        HeadParameters.input(
            TensorDescriptor.element(descriptors, i), spec.parameters().get(i), ordered.get(i));
      }
      NativeHandle handle =
          Gavel.headCreate(
              context.handle(),
              HeadParameters.struct(arena, spec),
              descriptors,
              new NativeError(arena));
      return new RewardHead(context, spec, handle);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      for (int i = 0; i < acquired; i++) {
        ordered.get(i).release();
      }
    }
  }

  /** A new head with initial parameters; the same init gives the same bits. */
  public static RewardHead create(Context context, HeadSpec spec, Init init) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    try {
      for (int i = 0; i < spec.parameters().size(); i++) {
        HeadSpec.Parameter parameter = spec.parameters().get(i);
        HostTensor values = HeadParameters.allocate(parameter, spec.dtype());
        parameters.put(parameter.name(), values);
        init.fill(parameter, i, values);
      }
      return create(context, spec, parameters);
    } finally {
      parameters.values().forEach(HostTensor::close);
    }
  }

  /**
   * Loads a head. A file is one that {@link #save} wrote: safetensors whose metadata tells the spec
   * and which holds exactly its parameters. A folder is a published reward model; {@link
   * HeadCheckpoint} recognises its head and says how it is to be read, which the head alone does
   * not.
   *
   * @throws FileException if it cannot be read
   * @throws FormatException if it is not such a file or folder; the message says what differs
   * @throws UnsupportedException if it is the folder of a known pattern that this build cannot run
   */
  public static RewardHead load(Context context, Path path) {
    return Files.isDirectory(path)
        ? HeadCheckpoint.read(path).load(context)
        : HeadFile.load(context, path);
  }

  /** Saves the head as {@link #save(Path, Map)} does, without further texts. */
  public void save(Path path) {
    save(path, Map.of());
  }

  /**
   * Saves spec and parameters as one safetensors file, whole or not at all. The same head gives the
   * same bytes.
   *
   * @param texts further metadata, for instance licence and training data; keys must not begin with
   *     {@code gavel.}
   * @throws FileException if it cannot be written
   */
  public void save(Path path, Map<String, String> texts) {
    HeadFile.save(this, path, texts);
  }

  /** Shape and formula. */
  public HeadSpec spec() {
    return spec;
  }

  /** Where it computes. */
  public Context context() {
    return context;
  }

  /**
   * A copy of a parameter as it is now, in the head's type; the caller closes it.
   *
   * @param name canonical name, for instance {@code hidden.0.weight}
   */
  public HostTensor parameter(String name) {
    int index = HeadParameters.indexOf(spec, name);
    HeadSpec.Parameter parameter = spec.parameters().get(index);
    HostTensor values = HeadParameters.allocate(parameter, spec.dtype());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = arena.allocate(gavel_tensor.layout());
      HeadParameters.output(TensorDescriptor.at(struct, 0), parameter, values);
      Gavel.headRead(handle, index, struct, new NativeError(arena));
      return values;
    } catch (NativeException e) {
      values.close();
      throw Failures.of(e);
    } catch (RuntimeException e) {
      values.close();
      throw e;
    }
  }

  /**
   * Scores every response of a batch. A warmed-up call allocates nothing on the Java heap.
   *
   * @param batch hidden states [T, H], in the head's type, or in any float type where the head is
   *     f32; the pooling makes them D wide
   * @param into receives the scores
   * @throws InvalidTensorException if the hidden states do not fit the head
   * @throws BusyException if an optimizer step is running on the head
   */
  public void score(PackedBatch batch, Pooling pooling, Readout readout, ScoreBatch into) {
    call(batch, pooling, readout, into, MemorySegment.NULL);
  }

  /**
   * Scores every response and computes a loss of the scores in the same call. Responses without a
   * row do not take part.
   *
   * @param loss over the scores of this batch: N = R S of them, response by response
   * @param result receives the loss and its gradient
   */
  public void score(
      PackedBatch batch,
      Pooling pooling,
      Readout readout,
      ScoreBatch into,
      Loss loss,
      LossResult result) {
    MemorySegment lossArguments =
        result.begin(loss, batch.items(pooling), readout.scores(spec.outputWidth()));
    try {
      call(batch, pooling, readout, into, lossArguments);
      result.finish();
    } finally {
      result.end();
    }
  }

  /**
   * Scores every response of a batch into a new array, response by response. For repeated calls use
   * a {@link ScoreBatch}.
   */
  public float[] score(PackedBatch batch, Pooling pooling, Readout readout) {
    try (ScoreBatch scores = ScoreBatch.allocate(spec, readout, batch.items(pooling))) {
      score(batch, pooling, readout, scores);
      return scores.toArray();
    }
  }

  /**
   * Enqueues the scoring of a batch on a device and returns at once.
   *
   * @param scores receives the scores: f32 [R, S]
   * @param stream of a context of the head's device; everything given must stay open until the work
   *     is done, or be freed in its order
   * @throws InvalidArgumentException if the readout has a gate and the batch no rows for it
   */
  public void score(
      DeviceBatch batch, Pooling pooling, Readout readout, DeviceTensor scores, Stream stream) {
    DeviceCall.score(
        this, batch, pooling, readout, new DeviceCall.Outputs(scores), Optional.empty(), stream);
  }

  /**
   * Enqueues the scoring of a batch on a device, and a loss of the scores in the same call, and
   * returns at once. Responses without a row do not take part.
   *
   * @param scores receives the scores: f32 [R, S]
   * @param loss over them; receives its value and gradient
   */
  public void score(
      DeviceBatch batch,
      Pooling pooling,
      Readout readout,
      DeviceTensor scores,
      DeviceLoss loss,
      Stream stream) {
    DeviceCall.score(
        this, batch, pooling, readout, new DeviceCall.Outputs(scores), Optional.of(loss), stream);
  }

  /**
   * Scores a batch on a platform thread of its own, so that neither the caller nor the carrier of a
   * virtual thread waits. The batch must stay open and unchanged until the future is done, which
   * fails with what {@link #score(PackedBatch, Pooling, Readout)} throws.
   */
  public CompletableFuture<float[]> scoreAsync(
      PackedBatch batch, Pooling pooling, Readout readout) {
    CompletableFuture<float[]> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .name("gavel-score")
        .daemon()
        .start(() -> {
          try {
            result.complete(score(batch, pooling, readout));
          } catch (RuntimeException | Error e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  /** Destroys the head. Closing again does nothing. */
  @Override
  public void close() {
    uses.close();
    handle.close();
  }

  @Override
  public String toString() {
    return handle + ": " + spec;
  }

  NativeHandle handle() {
    return handle;
  }

  AtomicLong parameterVersion() {
    return parameterVersion;
  }

  /** All parameters as they are now, by name; the caller closes them. */
  Map<String, HostTensor> parameters() {
    Map<String, HostTensor> all = new LinkedHashMap<>();
    try {
      for (HeadSpec.Parameter parameter : spec.parameters()) {
        all.put(parameter.name(), parameter(parameter.name()));
      }
      return all;
    } catch (RuntimeException e) {
      all.values().forEach(HostTensor::close);
      throw e;
    }
  }

  private void call(
      PackedBatch batch, Pooling pooling, Readout readout, ScoreBatch into, MemorySegment loss) {
    batch.acquire();
    try {
      acquireGate(readout);
      try {
        checkHidden(batch.hidden(), pooling);
        into.begin(spec, batch, pooling, readout);
        run(into, loss);
      } finally {
        releaseGate(readout);
      }
    } finally {
      batch.release();
    }
  }

  private void run(ScoreBatch into, MemorySegment loss) {
    try {
      if (context.onCpu()) {
        into.describeExperts();
        Gavel.score(context.handle(), handle, into.struct(), loss, into.error());
      } else {
        scoreOnDevice(into, loss);
      }
      into.finish();
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      into.end();
    }
  }

  /** Begins a call whose arguments name a gate: its address there does not keep it open. */
  static void acquireGate(Readout readout) {
    if (readout instanceof Readout.GatedSum gated) {
      gated.gate().uses.acquire();
    }
  }

  static void releaseGate(Readout readout) {
    if (readout instanceof Readout.GatedSum gated) {
      gated.gate().uses.release();
    }
  }

  private void scoreOnDevice(ScoreBatch into, MemorySegment loss) {
    try (Staging staging = context.stage()) {
      into.stage(staging);
      into.describeExperts();
      if (loss.address() != 0) {
        LossArguments.stage(staging, loss);
      }
      Gavel.score(context.handle(), handle, into.struct(), loss, into.error());
      staging.finish();
    }
  }

  /** Checks that hidden states fit the head. */
  void checkHidden(HostTensor hidden, Pooling pooling) {
    if (hidden.dtype() != spec.dtype() && spec.dtype() != DType.F32) {
      throw new InvalidTensorException(
          "hidden states are %s; they must be %s as the head is".formatted(hidden, spec.dtype()));
    }
    long width = pooling.vectorWidth(hidden.size(1));
    if (width != spec.inputWidth()) {
      throw new InvalidTensorException(
          "hidden states are %s, which %s makes vectors of %d; the head takes %d"
              .formatted(hidden, pooling, width, spec.inputWidth()));
    }
  }
}
