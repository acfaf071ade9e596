package dev.gavel.cli.training.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.training.Epoch;
import dev.gavel.cli.training.HeadTrainer;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** How training went, epoch by epoch: as JSON for programs, as a plot for people. */
final class LearningCurve {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
  private static final int WIDTH = 640;
  private static final int HEIGHT = 400;
  private static final int LEFT = 70;
  private static final int RIGHT = 20;
  private static final int TOP = 40;
  private static final int BOTTOM = 50;
  private static final int LINES = 5;

  private LearningCurve() {}

  static String json(HeadTrainer.Fitted fitted, int planned) {
    ObjectNode curve = JSON.createObjectNode();
    curve.put("epochs_planned", planned).put("chosen_epoch", fitted.chosen());
    curve.put("stopped_early", fitted.epochs().size() < planned);
    ArrayNode epochs = curve.putArray("epochs");
    fitted.epochs().forEach(epoch -> EpochJson.write(epochs.addObject(), epoch));
    try {
      return JSON.writeValueAsString(curve) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers are always JSON", e);
    }
  }

  /** Loss over epochs, in SVG: of the training rows, and of the validation rows where there are. */
  static String svg(HeadTrainer.Fitted fitted) {
    List<Epoch> epochs = fitted.epochs();
    double most =
        epochs.stream()
            .flatMapToDouble(
                epoch -> java.util.stream.DoubleStream.of(epoch.loss(), validation(epoch)))
            .filter(Double::isFinite)
            .max()
            .orElse(1);
    double top = most > 0 ? most : 1;
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
                + " font-family=\"sans-serif\" font-size=\"12\">",
            WIDTH,
            HEIGHT));
    add(
        svg,
        String.format(
            Locale.ROOT, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", WIDTH, HEIGHT));
    for (int i = 0; i <= LINES; i++) {
      double value = top * i / LINES;
      add(
          svg,
          String.format(
              Locale.ROOT,
              "<path d=\"M%d %.1fH%d\" stroke=\"#dddddd\"/><text x=\"%d\" y=\"%.1f\""
                  + " text-anchor=\"end\">%.3g</text>",
              LEFT,
              y(value, top),
              WIDTH - RIGHT,
              LEFT - 8,
              y(value, top) + 4,
              value));
    }
    int labelEvery = Math.max(1, (epochs.size() + 9) / 10);
    for (Epoch epoch : epochs) {
      if (epoch.epoch() % labelEvery == 0 || epoch.epoch() == 1) {
        add(
            svg,
            String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>",
                x(epoch.epoch(), epochs.size()),
                HEIGHT - BOTTOM + 18,
                epoch.epoch()));
      }
    }
    add(
        svg,
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">epoch</text>",
            WIDTH / 2,
            HEIGHT - 10));
    line(svg, epochs, Epoch::loss, top, "#1f4e9c", "training loss", 0);
    if (epochs.stream().anyMatch(epoch -> epoch.validation().isPresent())) {
      line(svg, epochs, LearningCurve::validation, top, "#c2571a", "validation loss", 1);
      add(
          svg,
          String.format(
              Locale.ROOT,
              "<path d=\"M%.1f %dV%d\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/><text x=\"%d\""
                  + " y=\"24\" fill=\"#555555\">chosen: epoch %d</text>",
              x(fitted.chosen(), epochs.size()),
              TOP,
              HEIGHT - BOTTOM,
              LEFT + 300,
              fitted.chosen()));
    }
    return svg.append("</svg>\n").toString();
  }

  private static double validation(Epoch epoch) {
    return epoch.validation().map(Epoch.Validated::loss).orElse(Double.NaN);
  }

  private static void line(
      StringBuilder svg,
      List<Epoch> epochs,
      Function<Epoch, Double> value,
      double top,
      String colour,
      String name,
      int place) {
    StringBuilder points = new StringBuilder();
    for (Epoch epoch : epochs) {
      double loss = value.apply(epoch);
      // A loss that is no number leaves a gap; it stands in the JSON.
      if (Double.isFinite(loss)) {
        points.append(
            String.format(
                Locale.ROOT, "%.1f,%.1f ", x(epoch.epoch(), epochs.size()), y(loss, top)));
      }
    }
    add(
        svg,
        String.format(
            Locale.ROOT,
            "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%d\""
                + " y=\"24\" fill=\"%s\">%s</text>",
            points.toString().strip(),
            colour,
            LEFT + 150 * place,
            colour,
            name));
  }

  private static double x(int epoch, int epochs) {
    return LEFT
        + (WIDTH - LEFT - RIGHT) * (epochs == 1 ? 0.5 : (epoch - 1) / (double) (epochs - 1));
  }

  private static double y(double value, double top) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
  }

  private static void add(StringBuilder svg, String line) {
    svg.append(line).append('\n');
  }
}
