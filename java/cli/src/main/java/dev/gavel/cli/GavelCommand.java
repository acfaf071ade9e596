package dev.gavel.cli;

import dev.gavel.cli.program.Version;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** The top of the command line. */
@Command(
    name = "gavel",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "Scores responses of language models with reward models.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      " 0:everything was done; with score: every row was scored",
      " 1:some rows failed; their errors stand in the output, with eval on standard error",
      " 2:wrong usage: an option, or a file it names, is not what it should be",
      " 3:the environment cannot run it: no native library, a full disk, ...",
      " 141:whoever read standard output went away"
    },
    footer = {
      "",
      "To begin with:",
      "  gavel score --input examples/answers.jsonl",
      "",
      "Details: docs/command-line.md"
    },
    subcommands = {
      ScoreCommand.class,
      EvalCommand.class,
      TrainCommand.class,
      CacheCommand.class,
      BenchCommand.class,
      DoctorCommand.class,
      HelpCommand.class
    })
final class GavelCommand {}
