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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

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

  private Context(NativeHandle handle, Info info) {
    this.handle = handle;
    this.info = info;
  }

  /**
   * What a context is to be.
   *
   * @param device where it runs
   * @param threads threads a call may use, the caller's own included, 1 to {@value
   *     Context#MOST_THREADS}; scores do not depend on it
   * @param instructionSet what the kernels may use; scores do not depend on it
   */
  public record Options(Device device, int threads, InstructionSet instructionSet) {
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
      return new Options(Device.cpu(), Math.min(processors, MOST_THREADS), InstructionSet.BEST);
    }

    /** The same on another device. */
    public Options withDevice(Device newDevice) {
      return new Options(newDevice, threads, instructionSet);
    }

    /** The same with another number of threads. */
    public Options withThreads(int newThreads) {
      return new Options(device, newThreads, instructionSet);
    }

    /** The same with other instructions. */
    public Options withInstructionSet(InstructionSet newInstructionSet) {
      return new Options(device, threads, newInstructionSet);
    }
  }

  /**
   * What a context is.
   *
   * @param device where it runs
   * @param threads threads a call may use, the caller's own included
   * @param instructionSet the one in use
   * @param bestInstructionSet the best this machine has
   * @param deviceName for instance the processor's brand
   * @param detail why a higher instruction set is not in use, for people; may be empty
   */
  public record Info(
      Device device,
      int threads,
      InstructionSet instructionSet,
      InstructionSet bestInstructionSet,
      String deviceName,
      String detail) {}

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
   *     it
   * @throws UnsupportedException if this machine lacks the instruction set
   * @throws NativeLoadException if there is no native library for this machine
   */
  public static Context open(Options options) {
    if (options.device() instanceof Device.Cuda cuda) {
      throw new DeviceUnavailableException(
          "device %s was asked for; %s. Use cpu.".formatted(cuda, Device.NO_CUDA));
    }
    try (Arena arena = Arena.ofConfined()) {
      // Before the first layout, whose initialiser needs native access and cannot explain its lack.
      NativeLibrary.load();
      MemorySegment struct = NativeStruct.allocate(arena, gavel_context_options.layout());
      gavel_context_options.device_type(struct, gavel_h.GAVEL_CPU());
      gavel_context_options.threads(struct, options.threads());
      gavel_context_options.instruction_set(struct, options.instructionSet().code());
      NativeError error = new NativeError(arena);
      NativeHandle handle = Gavel.contextCreate(struct, error);
      try {
        return new Context(handle, describe(handle, options.device(), arena, error));
      } catch (RuntimeException e) {
        handle.close();
        throw e;
      }
    } catch (NativeException e) {
      throw Failures.of(e);
    } catch (dev.gavel.bindings.NativeLoadException e) {
      throw new NativeLoadException(String.valueOf(e.getMessage()), e);
    }
  }

  /** What this context is. */
  public Info info() {
    return info;
  }

  /**
   * Closes the context. Closing again does nothing; heads made with it must be closed, too, in any
   * order.
   */
  @Override
  public void close() {
    handle.close();
  }

  @Override
  public String toString() {
    return "%s on %s (%s, %d threads)"
        .formatted(handle, info.device(), info.instructionSet(), info.threads());
  }

  NativeHandle handle() {
    return handle;
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
        NativeStruct.text(gavel_context_info.detail(struct)));
  }
}
