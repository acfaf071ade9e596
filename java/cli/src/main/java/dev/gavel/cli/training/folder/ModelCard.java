package dev.gavel.cli.training.folder;

import dev.gavel.Layout;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.training.Epoch;
import dev.gavel.cli.training.HeadChoice;
import dev.gavel.cli.training.HeadTrainer;
import dev.gavel.message.Counted;
import dev.gavel.metric.Proportion;
import dev.gavel.text.ModelConfig;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What a model is, and what it is worth, in Markdown. */
final class ModelCard {
  private ModelCard() {}

  static String text(TrainedModel model, HeadTrainer.Fitted fitted, Map<Layout, Tally> results) {
    StringBuilder card = new StringBuilder();
    card.append("# ").append(model.name()).append("\n\n");
    if (!model.data().purpose().isEmpty()) {
      card.append(model.data().purpose()).append("\n\n");
    }
    card.append(
        model.config().usesBuiltInEncoder()
            ? "A reward head on the sentence encoder all-MiniLM-L6-v2 (Apache-2.0), whose weights"
                + " are not changed. Written by `gavel train`.\n\n"
            : "A reward head on the backbone `%s`, whose weights are not changed. Written by `gavel train`.\n\n"
                .formatted(model.config().backbone()));
    data(card, model);
    settings(card, model, fitted);
    results(card, results);
    return card.toString();
  }

  private static void data(StringBuilder card, TrainedModel model) {
    TrainedModel.Data data = model.data();
    card.append("## Data\n\n");
    item(card, "file", "`%s`, SHA-256 `%s`".formatted(data.file().name(), data.file().sha256()));
    item(card, "origin and licence", data.note());
    item(
        card,
        "rows",
        "%d with a preference; left out: %d without one, %d that cannot be used (an empty response, ...)"
            .formatted(data.rows(), data.withoutPreference(), data.bad()));
    item(
        card,
        "split",
        "with h the first 8 bytes of SHA-256 of the prompt's UTF-8 as an unsigned number, a row is held out where h mod 10000 < %s: %s to learn from, %d held out"
            .formatted(
                Part.buckets(model.holdout()).stripTrailingZeros().toPlainString(),
                Counted.of(data.training(), "row"),
                data.rows() - data.training()));
    card.append('\n');
  }

  private static void settings(StringBuilder card, TrainedModel model, HeadTrainer.Fitted fitted) {
    Epoch chosen = fitted.epochs().get(fitted.chosen() - 1);
    HeadChoice head = model.candidate().head();
    card.append("## Settings\n\n");
    item(card, "pooling, head", head.describe());
    item(
        card, "output scale", head.describeOutputScale(Integer.toString(model.hiddenStateWidth())));
    item(card, "fit", "AdamW, " + model.candidate().fit().describe());
    item(
        card,
        "layouts learned from",
        model.layouts().stream().map(ModelConfig::name).collect(Collectors.joining(", ")));
    item(
        card,
        "tokens",
        "context %d, at most %d of a prompt, %d of a response; the rest is cut at the end"
            .formatted(
                model.budget().context(), model.budget().prompt(), model.budget().response()));
    item(card, "seed", Long.toString(model.seed()));
    item(
        card,
        "order of responses",
        "shuffled by seed and texts before packing"
            + (model.reversed() ? "; in layout joint learned from the opposite order, too" : ""));
    if (model.validation() > 0) {
      item(
          card,
          "epoch chosen",
          String.format(
              Locale.ROOT,
              "%d, with the lowest loss on %s of the rows to learn from, which were not learned"
                  + " from%s",
              chosen.epoch(),
              model.validation(),
              stop(model, fitted)));
    }
    item(
        card,
        model.validation() > 0 ? "loss of that epoch" : "last epoch",
        String.format(Locale.ROOT, "mean loss %.4f", chosen.loss()));
    card.append('\n');
  }

  private static String stop(TrainedModel model, HeadTrainer.Fitted fitted) {
    if (model.patience() == 0) {
      return "";
    }
    int planned = model.candidate().fit().epochs();
    return fitted.epochs().size() < planned
        ? "; stopped after %s without a lower one".formatted(Counted.of(model.patience(), "epoch"))
        : planned == 1 ? "; there was no other" : "; all %d epochs were run".formatted(planned);
  }

  private static void results(StringBuilder card, Map<Layout, Tally> results) {
    card.append("## Accuracy on the rows held out\n\n");
    Tally any = results.values().iterator().next();
    if (any.accuracy().of() == 0) {
      card.append("No row was held out: nothing was measured.\n");
      return;
    }
    card.append(
        "A row is right where a preferred response scores strictly higher than all others. Wilson"
            + " 95 % intervals.\n\n");
    card.append("| scorer | right | rows | accuracy |\n|---|---|---|---|\n");
    results.forEach((layout, tally) ->
        line(card, "this model, layout " + ModelConfig.name(layout), tally.accuracy()));
    line(card, "length only (more characters is better)", any.lengthAccuracy());
    card.append(
        String.format(
            Locale.ROOT,
            "| chance | | %d | %.1f %% |\n\n",
            any.accuracy().of(),
            100 * any.chance()));
    results.forEach((layout, tally) -> verdict(card, layout, tally));
  }

  private static void verdict(StringBuilder card, Layout layout, Tally tally) {
    boolean beatsChance = tally.accuracy().low() > tally.chance();
    boolean beatsLength = tally.accuracy().count() > tally.lengthAccuracy().count();
    item(
        card,
        "layout " + ModelConfig.name(layout),
        "%s chance beyond its interval; %s the length-only scorer"
            .formatted(
                beatsChance ? "beats" : "does **not** beat",
                beatsLength ? "has more rows right than" : "does **not** beat"));
  }

  private static void line(StringBuilder card, String scorer, Proportion proportion) {
    card.append(
        "| %s | %d | %d | %s |\n"
            .formatted(scorer, proportion.count(), proportion.of(), proportion.percent()));
  }

  private static void item(StringBuilder card, String name, String text) {
    card.append("- ").append(name).append(": ").append(text).append('\n');
  }
}
