package dev.gavel.cli;

import dev.gavel.cli.program.Streams;
import picocli.CommandLine;

/** Makes commands, which all take the streams they work on. */
final class CommandFactory implements CommandLine.IFactory {
  private final CommandLine.IFactory others = CommandLine.defaultFactory();
  private final Streams streams;

  CommandFactory(Streams streams) {
    this.streams = streams;
  }

  @Override
  public <K> K create(Class<K> type) throws Exception {
    if (type == ScoreCommand.class) {
      return type.cast(new ScoreCommand(streams));
    }
    if (type == EvalCommand.class) {
      return type.cast(new EvalCommand(streams));
    }
    if (type == TrainCommand.class) {
      return type.cast(new TrainCommand(streams));
    }
    if (type == CacheCommand.class) {
      return type.cast(new CacheCommand(streams));
    }
    if (type == BenchCommand.class) {
      return type.cast(new BenchCommand(streams));
    }
    if (type == DoctorCommand.class) {
      return type.cast(new DoctorCommand(streams));
    }
    return others.create(type);
  }
}
