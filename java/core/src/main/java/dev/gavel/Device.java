package dev.gavel;

/** Where tensors live and kernels run. */
public sealed interface Device {
  /** The processor and its memory. */
  static Device cpu() {
    return new Cpu();
  }

  /**
   * An NVIDIA GPU of compute capability 8.0 or newer. Opening a context on it throws {@link
   * DeviceUnavailableException} with the reason where it, its driver or Gavel's CUDA library is not
   * there.
   *
   * @param index position among the machine's GPUs, from 0, as the CUDA runtime counts
   */
  static Device cuda(int index) {
    return new Cuda(index);
  }

  /**
   * Reads a device as the command line writes it.
   *
   * @param text {@code cpu}, {@code cuda} (which is {@code cuda:0}) or {@code cuda:n}
   * @throws InvalidArgumentException if it is none of these
   */
  static Device parse(String text) {
    if (text.equals("cpu")) {
      return cpu();
    }
    if (text.equals("cuda")) {
      return cuda(0);
    }
    if (text.matches("cuda:[0-9]{1,4}")) {
      return cuda(Integer.parseInt(text.substring("cuda:".length())));
    }
    throw new InvalidArgumentException(
        "device is '%s'; it must be cpu, cuda or cuda:n with n from 0".formatted(text));
  }

  /** The processor and its memory. */
  record Cpu() implements Device {
    @Override
    public String toString() {
      return "cpu";
    }
  }

  /**
   * An NVIDIA GPU.
   *
   * @param index position among the machine's GPUs, from 0
   */
  record Cuda(int index) implements Device {
    /** Checks the index. */
    public Cuda {
      if (index < 0) {
        throw new InvalidArgumentException(
            "cuda device index is %d; it must be 0 or more".formatted(index));
      }
    }

    @Override
    public String toString() {
      return "cuda:" + index;
    }
  }
}
