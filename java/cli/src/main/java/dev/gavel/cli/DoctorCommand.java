package dev.gavel.cli;
@picocli.CommandLine.Command(name = "doctor")
final class DoctorCommand implements Runnable { DoctorCommand(Streams s) {} public void run() {} }
