package dev.gavel.checkpoint;

import dev.gavel.FileException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.RewardHead;
import dev.gavel.Safetensors;
import dev.gavel.UnsupportedException;
import dev.gavel.message.Counted;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Writes a head in the layout of a folder it was read from. */
final class HeadWriter {
  private static final List<String> CONFIGURATION =
      List.of(CheckpointFiles.CONFIG, CheckpointFiles.YOJO_CONFIG, "model.safetensors.index.json");

  private HeadWriter() {}

  static void write(Path folder, Plan plan, RewardHead head, Path into) {
    if (!HeadParts.withType(head.spec(), plan.spec().dtype()).equals(plan.spec())) {
      throw new InvalidArgumentException(
          "%s has a head %s; %s is another".formatted(folder, plan.spec(), head.spec()));
    }
    if (plan.gate().isPresent()) {
      throw new UnsupportedException(
          "%s: the head of the pattern '%s' is one of two; save it and its gate in Gavel's own format"
              .formatted(folder, plan.pattern().title()));
    }
    if (plan.parts().stream().anyMatch(part -> !part.rows().isEmpty())) {
      throw new UnsupportedException(
          "%s: the head of the pattern '%s' is made of rows of %s, and rows cannot be told from it again; save it in Gavel's own format"
              .formatted(folder, plan.pattern().title(), plan.parts().getLast().tensor()));
    }
    try (TensorSource source = CheckpointFiles.open(folder)) {
      Map<Path, Map<String, HostTensor>> byFile = new LinkedHashMap<>();
      try {
        for (Plan.Part part : plan.parts()) {
          byFile
              .computeIfAbsent(source.fileOf(part.tensor()), _ -> new LinkedHashMap<>())
              .put(part.tensor(), head.parameter(part.parameter()));
        }
        byFile.forEach((file, tensors) -> write(file, tensors, into));
      } finally {
        byFile.values().forEach(tensors -> tensors.values().forEach(HostTensor::close));
      }
    }
    copyConfiguration(folder, into);
  }

  private static void write(Path file, Map<String, HostTensor> tensors, Path into) {
    Path target = into.resolve(file.getFileName().toString());
    if (file.getFileName().toString().endsWith(".safetensors")) {
      try (Safetensors old = Safetensors.open(file)) {
        if (old.entries().size() == tensors.size()) {
          Safetensors.write(target, old.metadata(), tensors);
        } else {
          replace(old, tensors, target);
        }
      }
      return;
    }
    try (PytorchSource old = new PytorchSource(file)) {
      if (old.names().size() != tensors.size()) {
        throw new UnsupportedException(
            "%s: the head is among %s of a PyTorch file; convert the folder to safetensors and save into that"
                .formatted(file, Counted.of(old.names().size(), "tensor")));
      }
    }
    PytorchWriter.write(target, tensors);
  }

  /** Copies a file and overwrites the head's bytes: nothing in it moves. */
  private static void replace(Safetensors old, Map<String, HostTensor> tensors, Path target) {
    tensors.forEach((name, tensor) -> {
      Safetensors.Entry entry = old.entry(name);
      TensorInfo info = new TensorInfo(entry.dtype(), entry.shape());
      if (tensor.dtype() != TensorTypes.usable(old.path(), name, info)) {
        throw new InvalidArgumentException(
            "%s has '%s' as %s among the backbone's tensors; a head in %s does not fit there: train or load it in that type"
                .formatted(old.path(), name, entry, tensor.dtype()));
      }
    });
    Path temporary =
        target.resolveSibling(".%s.%s.tmp".formatted(target.getFileName(), UUID.randomUUID()));
    try {
      try {
        Files.copy(old.path(), temporary);
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
          for (Map.Entry<String, HostTensor> tensor : tensors.entrySet()) {
            ByteBuffer bytes = tensor.getValue().segment().asByteBuffer();
            long at = old.entry(tensor.getKey()).begin();
            while (bytes.hasRemaining()) {
              at += channel.write(bytes, at);
            }
          }
          channel.force(true);
        }
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw new FileException(
          target,
          "cannot be written: %s. Free space or choose another place"
              .formatted(SystemReason.writing(e)),
          e);
    }
  }

  private static void copyConfiguration(Path folder, Path into) {
    for (String name : CONFIGURATION) {
      Path from = folder.resolve(name);
      Path to = into.resolve(name);
      try {
        if (Files.exists(from) && !(Files.exists(to) && Files.isSameFile(from, to))) {
          Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
      } catch (IOException e) {
        throw new FileException(to, "cannot be written: " + SystemReason.writing(e), e);
      }
    }
  }
}
