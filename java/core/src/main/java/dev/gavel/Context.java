package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.NativeLibrary;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.ffi.gavel_context_info;
import dev.gavel.bindings.ffi.gavel_context_options;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A device with its threads and scratch memory; everything else is made with one. Safe for use by
 * many threads at once.
 *
 * <p>Opening takes tens of microseconds and loads the native library the first time. {@link
 * #close()} throws {@link IllegalStateException} while a call uses the context, and calls with
 * heads of a closed context throw the same.
 */
public final class Context implements AutoCloseable {
  /** Most threads a context may have. */
  public static final int MOST_THREADS = 256;

  private final NativeHandle handle;
  private final Info info;
  // As many as there were calls at once; each holds the device memory of its largest call.
  private final ConcurrentLinkedQueue<Staging> idle = new ConcurrentLinkedQueue<>();

  private Context(NativeHandle handle, Info info) {
    this.handle = handle;
    this.info = info;
  }

  /** What the bits of a score may depend on. */
  public enum Mode {
    /** On the response's own rows, the head, the kind of device and the version; nothing else. */
    INVARIANT,
    /**
     * On the batch, too. CUDA only: cuBLASLt makes the products of 16-bit heads with hidden layers
     * over 2048 responses or more, and rounds gradients to TF32 for its own. It is looked for under
     * the name in the system property {@code gavel.cublaslt}, else in the environment variable
     * {@code GAVEL_CUBLASLT}, else as {@code libcublasLt.so.13} and {@code .12}. Where neither of
     * the last two is there, Gavel's own kernels do it all.
     */
    FAST
  }

  /**
   * What a context is to be.
   *
   * @param device where it runs
   * @param threads CPU: threads a call may use, the caller's own included, 1 to {@value
   *     Context#MOST_THREADS}; scores do not depend on it. CUDA has no use for it
   * @param instructionSet CPU: what the kernels may use; scores do not depend on it. CUDA: {@link
   *     InstructionSet#BEST}
   * @param mode what the bits of a score may depend on
   */
  public record Options(Device device, int threads, InstructionSet instructionSet, Mode mode) {
    /** Checks the number of threads. */
    public Options {
      if (threads < 1 || threads > MOST_THREADS) {
        throw new InvalidArgumentException(
            "context: threads is %d; it must be 1 to %d".formatted(threads, MOST_THREADS));
      }
    }

    /** The CPU, one thread per processor this JVM may use, the best instructions it has. */
    public static Options defaults() {
      int processors = Runtime.getRuntime().availableProcessors();
      return new Options(
          Device.cpu(), Math.min(processors, MOST_THREADS), InstructionSet.BEST, Mode.INVARIANT);
    }

    /** The same on another device. */
    public Options withDevice(Device newDevice) {
      return new Options(newDevice, threads, instructionSet, mode);
    }

    /** The same with another number of threads. */
    public Options withThreads(int newThreads) {
      return new Options(device, newThreads, instructionSet, mode);
    }

    /** The same with other instructions. */
    public Options withInstructionSet(InstructionSet newInstructionSet) {
      return new Options(device, threads, newInstructionSet, mode);
    }

    /** The same in another mode. */
    public Options withMode(Mode newMode) {
      return new Options(device, threads, instructionSet, newMode);
    }
  }

  /**
   * What a context is.
   *
   * @param device where it runs
   * @param threads threads a call may use, the caller's own included
   * @param instructionSet CPU: the one in use
   * @param bestInstructionSet CPU: the best this machine has
   * @param deviceName for instance the processor's brand
   * @param detail CPU: why a higher instruction set is not in use; CUDA: driver and cuBLASLt in
   *     use; for people, may be empty
   * @param mode what the bits of a score may depend on
   * @param computeCapability CUDA: 10 major + minor, for instance 90; CPU: 0
   * @param memoryBytes CUDA: memory of the device; CPU: 0
   */
  public record Info(
      Device device,
      int threads,
      InstructionSet instructionSet,
      InstructionSet bestInstructionSet,
      String deviceName,
      String detail,
      Mode mode,
      int computeCapability,
      long memoryBytes) {}

  /**
   * Memory of a CUDA device; on the CPU all are 0.
   *
   * @param bytes of the device
   * @param free of the device, whoever uses the rest
   * @param held device and pinned memory that the context and what was made with it hold
   */
  public record Memory(long bytes, long free, long held) {}

  /**
   * Opens a context with {@link Options#defaults()}.
   *
   * @throws NativeLoadException if there is no native library for this machine
   */
  public static Context open() {
    return open(Options.defaults());
  }

  /**
   * Opens a context.
   *
   * @throws DeviceUnavailableException if the device is not there, or this build has no backend for
   *     it; the message says what was tried and what to do
   * @throws UnsupportedException if this machine lacks the instruction set, or the cuBLASLt that is
   *     named cannot be used
   * @throws NativeLoadException if there is no native library for this machine
   */
  public static Context open(Options options) {
    try (Arena arena = Arena.ofConfined()) {
      // Before the first layout, whose initialiser needs native access and cannot explain its lack.
      NativeLibrary.load();
      MemorySegment struct = NativeStruct.allocate(arena, gavel_context_options.layout());
      boolean fast = options.mode() == Mode.FAST;
      gavel_context_options.mode(
          struct, fast ? gavel_h.GAVEL_MODE_FAST() : gavel_h.GAVEL_MODE_INVARIANT());
      gavel_context_options.instruction_set(struct, options.instructionSet().code());
      NativeError error = new NativeError(arena);
      NativeHandle handle =
          switch (options.device()) {
            case Device.Cpu cpu -> {
              gavel_context_options.device_type(struct, gavel_h.GAVEL_CPU());
              gavel_context_options.threads(struct, options.threads());
              yield Gavel.contextCreate(struct, error);
            }
            case Device.Cuda cuda -> {
              gavel_context_options.device_type(struct, gavel_h.GAVEL_CUDA());
              gavel_context_options.device_id(struct, cuda.index());
              gavel_context_options.threads(struct, 1);
              yield fast
                  ? CublasLt.create(struct, arena, error)
                  : Gavel.contextCreate(struct, error);
            }
          };
      try {
        return new Context(handle, describe(handle, options.device(), arena, error));
      } catch (RuntimeException e) {
        handle.close();
        throw e;
      }
    } catch (NativeException e) {
      if (e.status() == gavel_h.GAVEL_DEVICE_UNAVAILABLE()) {
        throw new DeviceUnavailableException(
            "%s cannot be used: %s".formatted(options.device(), e.getMessage()),
            e.operation(),
            e.vendorCode());
      }
      throw Failures.of(e);
    } catch (dev.gavel.bindings.NativeLoadException e) {
      throw new NativeLoadException(String.valueOf(e.getMessage()), e);
    }
  }

  /** What this context is. */
  public Info info() {
    return info;
  }

  /** The device's memory, now. */
  public Memory memory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = NativeStruct.allocate(arena, gavel_context_info.layout());
      Gavel.contextDescribe(handle, struct, new NativeError(arena));
      return new Memory(
          gavel_context_info.memory_bytes(struct),
          gavel_context_info.free_memory_bytes(struct),
          gavel_context_info.held_bytes(struct));
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * Does the arithmetic that products are made of over registers alone, on the calling thread.
   * Timed, it is the most that a product can reach on this processor with the context's
   * instructions. On CUDA, {@link Stream#registerProducts} enqueues it.
   *
   * @param dtype a float type
   * @param rounds how often, 0 to 2^31 - 1; one is a few instructions
   * @return the operations that were done; a multiplication and an addition are two
   */
  public long registerProducts(DType dtype, long rounds) {
    return registerProducts(dtype, rounds, MemorySegment.NULL);
  }

  long registerProducts(DType dtype, long rounds, MemorySegment stream) {
    try (Arena arena = Arena.ofConfined()) {
      return Gavel.registerProducts(handle, dtype.code(), rounds, stream, new NativeError(arena));
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * Closes the context. Closing again does nothing; heads made with it must be closed, too, in any
   * order.
   */
  @Override
  public void close() {
    handle.close();
    for (Staging staging = idle.poll(); staging != null; staging = idle.poll()) {
      staging.destroy();
    }
  }

  @Override
  public String toString() {
    return "%s on %s (%s, %s)"
        .formatted(
            handle, info.device(), info.instructionSet(), Counted.of(info.threads(), "thread"));
  }

  NativeHandle handle() {
    return handle;
  }

  /** Whether calls run at once, on host memory. */
  boolean onCpu() {
    return info.device() instanceof Device.Cpu;
  }

  /** Number of a context's CUDA device. */
  static int deviceIndex(Context context) {
    if (context.info.device() instanceof Device.Cuda cuda) {
      return cuda.index();
    }
    throw new UnsupportedException(
        "device tensors belong to CUDA; this context is on the CPU: use a HostTensor");
  }

  /** Begins a call of a CUDA context on host tensors. */
  Staging stage() {
    Staging kept = idle.poll();
    if (kept != null) {
      return kept;
    }
    try (Arena arena = Arena.ofConfined()) {
      NativeHandle stream = Gavel.streamCreate(handle, new NativeError(arena));
      return new Staging(this, deviceIndex(this), stream);
    }
  }

  /** Takes back what {@link #stage()} gave. */
  void unstage(Staging staging) {
    idle.add(staging);
    // A close meanwhile has not seen it.
    if (!handle.isOpen() && idle.remove(staging)) {
      staging.destroy();
    }
  }

  private static Info describe(NativeHandle handle, Device device, Arena arena, NativeError error) {
    MemorySegment struct = NativeStruct.allocate(arena, gavel_context_info.layout());
    Gavel.contextDescribe(handle, struct, error);
    return new Info(
        device,
        gavel_context_info.threads(struct),
        InstructionSet.ofCode(gavel_context_info.instruction_set(struct)),
        InstructionSet.ofCode(gavel_context_info.best_instruction_set(struct)),
        NativeStruct.text(gavel_context_info.device_name(struct)),
        NativeStruct.text(gavel_context_info.detail(struct)),
        gavel_context_info.mode(struct) == gavel_h.GAVEL_MODE_FAST() ? Mode.FAST : Mode.INVARIANT,
        gavel_context_info.compute_capability(struct),
        gavel_context_info.memory_bytes(struct));
  }
}
