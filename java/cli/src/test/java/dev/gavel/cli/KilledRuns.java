package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Runs in processes of their own that are killed at random instants and go on, again and again,
 * until their output is whole.
 */
final class KilledRuns {
  private static final int LONGEST_SECONDS = 900;

  private KilledRuns() {}

  /** A command that writes an output and can go on with it. */
  interface Command {
    /** Place of the output with this number. */
    Path output(int number);

    /** Starts a run that goes on with what is there. */
    Process start(Path output) throws IOException;

    /** Whether a run has begun to write. */
    boolean hasBegun(Path output) throws IOException;

    /** Whether a run left work that the next one need not do again. */
    boolean canGoOn(Path output) throws IOException;

    /** Checks that what stands under the output's name is the whole, or nothing. */
    void checkKilled(Path output) throws IOException;

    /** Checks that the output is that of a run which was never killed. */
    void checkWhole(Path output) throws IOException;
  }

  /**
   * Kills runs.
   *
   * @param kills how many, at least
   * @param exitCode of a run that ends by itself
   * @param said where standard error of the runs goes
   */
  static void run(Command command, int kills, int exitCode, Path said) throws Exception {
    // How long a run takes to begin, and then to end.
    Path timed = command.output(-1);
    long begin = System.nanoTime();
    Process process = command.start(timed);
    while (!command.hasBegun(timed) && !process.waitFor(1, TimeUnit.MILLISECONDS)) {
      assertFalse(System.nanoTime() - begin > LONGEST_SECONDS * 1_000_000_000L, "does not begin");
    }
    long beginMillis = (System.nanoTime() - begin) / 1_000_000;
    end(process, exitCode, said);
    long workMillis = (System.nanoTime() - begin) / 1_000_000 - beginMillis;
    command.checkWhole(timed);

    Random random = new Random(20260);
    int killed = 0;
    int wentOn = 0;
    int outputs = 0;
    // Where the machine is suddenly faster, runs end before they are killed: then more are needed.
    while (killed < kills || (wentOn == 0 && outputs < 10 * kills)) {
      Path output = command.output(outputs);
      outputs++;
      boolean ended = false;
      while (!ended) {
        boolean goesOn = command.canGoOn(output);
        process = command.start(output);
        boolean kill = killed < kills || (wentOn == 0 && !goesOn);
        // One in five is killed at any instant, the others when there is work to go on with: how
        // long that takes depends on what else the machine does.
        long wait = random.nextLong(workMillis + 1);
        if (random.nextInt(5) == 0) {
          wait += random.nextLong(beginMillis + 1);
        } else if (goesOn) {
          wait += beginMillis;
        } else {
          waitForWork(command, output, process);
        }
        if (kill && !process.waitFor(wait, TimeUnit.MILLISECONDS)) {
          process.destroyForcibly().waitFor();
          killed++;
          command.checkKilled(output);
        } else {
          end(process, exitCode, said);
          wentOn += goesOn ? 1 : 0;
          ended = true;
        }
      }
      command.checkWhole(output);
    }
    System.out.printf(
        "%d kills, %d outputs, %d of them went on with what a killed run left%n",
        killed, outputs, wentOn);
    assertTrue(wentOn > 0, "runs were not killed while they worked");
  }

  private static void waitForWork(Command command, Path output, Process process) throws Exception {
    long begin = System.nanoTime();
    while (!command.canGoOn(output) && !process.waitFor(1, TimeUnit.MILLISECONDS)) {
      assertFalse(System.nanoTime() - begin > LONGEST_SECONDS * 1_000_000_000L, "does not work");
    }
  }

  private static void end(Process process, int exitCode, Path said) throws Exception {
    assertTrue(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS), "does not end");
    assertEquals(exitCode, process.exitValue(), Files.readString(said));
  }
}
