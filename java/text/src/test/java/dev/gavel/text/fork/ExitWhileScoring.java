package dev.gavel.text.fork;

import dev.gavel.text.RewardModel;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ends the JVM while one thread scores and one loads, some milliseconds after both have once. */
public final class ExitWhileScoring {
  /** What the process must end with: nothing that crashes does. */
  public static final int STATUS = 42;

  private static final String LONG = "Some water is wet and some is not. ".repeat(20);

  private ExitWhileScoring() {}

  /** Takes the milliseconds. */
  public static void main(String[] arguments) throws InterruptedException {
    CountDownLatch working = new CountDownLatch(2);
    CountDownLatch told = new CountDownLatch(2);
    RewardModel model = RewardModel.load("default");
    repeat(working, told, () -> model.score("Is water wet?", List.of("Yes.", LONG)));
    repeat(working, told, () -> RewardModel.load("default").close());
    working.await();
    // Another exit hook keeps the JVM until both threads were told; calls go on meanwhile.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> await(told)));
    TimeUnit.MILLISECONDS.sleep(Long.parseLong(arguments[0]));
    System.exit(STATUS);
  }

  private static void await(CountDownLatch told) {
    try {
      if (!told.await(30, TimeUnit.SECONDS)) {
        System.out.println("calls go on while the JVM ends");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void repeat(CountDownLatch working, CountDownLatch told, Runnable call) {
    Thread.ofPlatform()
        .start(() -> {
          try {
            call.run();
            working.countDown();
            while (true) {
              call.run();
            }
          } catch (IllegalStateException ending) {
            System.out.println(ending.getMessage());
            told.countDown();
          }
        });
  }
}
