package dev.gavel.examples.langchain4j;

import dev.gavel.GavelException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.text.GroupScore;
import dev.gavel.text.RewardModel;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.scoring.ScoringModel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A reward model as langchain4j's scoring model: the query is the prompt, the segments are its
 * responses, higher is better. Many threads may use one; the model stays the caller's to close.
 *
 * <p>Load the model with {@code Layout.INDEPENDENT} where the score of a segment must not depend on
 * the other segments.
 */
public final class GavelScoringModel implements ScoringModel {
  private final RewardModel model;

  /** Scores with a model. */
  public GavelScoringModel(RewardModel model) {
    this.model = model;
  }

  /**
   * {@inheritDoc}
   *
   * @return one score per segment, in order
   * @throws InvalidArgumentException if a segment cannot be scored, or is null, or the query is;
   *     the message says which
   * @throws GavelException if a score is no finite number
   */
  @Override
  public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
    // Where it is called from, nobody may have looked for nulls.
    requireGiven("segments", segments);
    requireGiven("query", query);
    for (int i = 0; i < segments.size(); i++) {
      requireGiven("segment " + i, segments.get(i));
    }
    if (segments.isEmpty()) {
      return Response.from(List.of());
    }
    GroupScore scored = model.score(query, segments.stream().map(TextSegment::text).toList());
    List<Double> scores = new ArrayList<>();
    for (float score : scored.scores()) {
      if (!Float.isFinite(score)) {
        throw new GavelException(
            "the score of segment %d is %s; the model's head or backbone gives values that are no finite numbers"
                .formatted(scores.size(), score));
      }
      scores.add((double) score);
    }
    return Response.from(List.copyOf(scores));
  }

  private static void requireGiven(String what, @Nullable Object value) {
    if (value == null) {
      throw new InvalidArgumentException(what + " is null; it must be given");
    }
  }
}
