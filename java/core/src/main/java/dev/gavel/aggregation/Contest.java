package dev.gavel.aggregation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** A tournament under way: who got which points, and how often the judge was asked. One thread. */
final class Contest {
  private final Tournament.Judge judge;
  private final List<List<Double>> points = new ArrayList<>();
  private int comparisons;

  Contest(int responses, Tournament.Judge judge) {
    Placement.requireGroup(responses);
    this.judge = judge;
    for (int i = 0; i < responses; i++) {
      points.add(new ArrayList<>());
    }
  }

  /** Asks the judge and gives both their points. */
  Tournament.Points compare(int first, int second) {
    Tournament.Points result = ask(first, second);
    give(first, result.first());
    give(second, result.second());
    return result;
  }

  /** Asks the judge. */
  Tournament.Points ask(int first, int second) {
    comparisons++;
    return judge.compare(first, second);
  }

  void give(int response, double more) {
    points.get(response).add(more);
  }

  /** Mean points of a response; 0 where it was never compared. */
  double meanPoints(int response) {
    List<Double> own = points.get(response);
    return own.isEmpty()
        ? 0
        : Numbers.mean(own.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** Most mean points first; equals in the order given. */
  List<Integer> byMeanPoints(List<Integer> responses) {
    return responses.stream()
        .sorted(Comparator.comparingDouble((Integer i) -> meanPoints(i)).reversed())
        .toList();
  }

  int comparisons() {
    return comparisons;
  }
}
