package dev.gavel.cli;
@picocli.CommandLine.Command(name = "eval")
final class EvalCommand implements Runnable { EvalCommand(Streams s) {} public void run() {} }
