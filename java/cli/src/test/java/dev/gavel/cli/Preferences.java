package dev.gavel.cli;

import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Small data sets whose preference is easy to see. */
final class Preferences {
  private static final String[] TOPICS = {"bread", "rivers", "chess", "bees", "glass", "snow"};

  private Preferences() {}

  /** Pairs: the helpful response is chosen, the rude one rejected. */
  static String pairs(int count) {
    return IntStream.range(0, count)
        .mapToObj(i ->
            "{\"id\":%d,\"subset\":\"%s\",\"prompt\":\"Tell me fact %d about %s.\",\"chosen\":\"%s\",\"rejected\":\"%s\"}\n"
                .formatted(
                    i,
                    i % 2 == 0 ? "even" : "odd",
                    i,
                    topic(i),
                    "Of course! Here is what I know about %s.".formatted(topic(i)),
                    "No. Go away, I hate %s and I hate you.".formatted(topic(i))))
        .collect(Collectors.joining());
  }

  /** Three responses with scores or rankings; of the last two, the rude one is worse. */
  static String groups(int count) {
    return IntStream.range(0, count)
        .mapToObj(i ->
            "{\"prompt\":\"Tell me fact %d about %s.\",\"responses\":[\"%s\",\"%s\",\"%s\"],%s}\n"
                .formatted(
                    i,
                    topic(i),
                    "No. Go away, I hate " + topic(i),
                    "Of course! Here is what I know about %s.".formatted(topic(i)),
                    "maybe " + topic(i),
                    i % 2 == 0 ? "\"scores\":[-1.5,2,0]" : "\"rankings\":[3,1,2]"))
        .collect(Collectors.joining());
  }

  private static String topic(int i) {
    return TOPICS[i % TOPICS.length];
  }
}
