package dev.gavel.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;

/** Draws what the benchmarks wrote: every JSON file of a folder to PNG and SVG beside it. */
public final class Plots {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int WIDTH = 900;
  private static final int HEIGHT = 540;

  private final Path folder;

  private Plots(Path folder) {
    this.folder = folder;
  }

  /**
   * Runs it.
   *
   * @param arguments the folder of results
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      throw new IllegalArgumentException("name the folder of results");
    }
    System.setProperty("java.awt.headless", "true");
    Plots plots = new Plots(Path.of(arguments[0]));
    for (String storage : List.of("bf16", "f32")) {
      for (int width : new int[] {384, 1024, 4096, 8192}) {
        for (String kind : List.of("mlp", "linear")) {
          plots.times(
              kind,
              "%s, H = %d, %s: time of a call".formatted(kind, width, storage),
              "%s-%d-%s".formatted(kind, width, storage),
              "R",
              row ->
                  row.path("H").asInt() == width
                      && row.path("storage").asText().equals(storage)
                      && (kind.equals("linear") || row.path("I").asInt() == width));
        }
      }
    }
    for (String loss : lossKinds()) {
      plots.times(
          "loss",
          loss + " with gradient: time of a call",
          "loss-" + loss,
          "scores",
          row -> row.path("loss").asText().equals(loss));
    }
    plots.bars("training", "training step: time", "R", "median us", true);
    plots.bars("end-to-end", "rows a second from text to scores", "side", "rows/s", false);
    plots.bars(
        "breakdown", "where the time goes: microseconds per row", "layout", "us per row", true);
  }

  // Nothing is drawn of what was not measured.
  private static List<String> lossKinds() {
    return Arrays.stream(LossCase.Kind.values())
        .map(kind -> kind.name().toLowerCase(Locale.ROOT))
        .toList();
  }

  private List<JsonNode> rows(String name) throws IOException {
    Path file = folder.resolve(name + ".json");
    List<JsonNode> rows = new ArrayList<>();
    if (Files.exists(file)) {
      JSON.readTree(Files.readString(file)).path("rows").forEach(rows::add);
    }
    return rows;
  }

  // Time over a size, one line per side, both axes logarithmic.
  private void times(
      String name, String title, String file, String size, Predicate<JsonNode> wanted)
      throws IOException {
    Map<String, TreeMap<Double, Double>> sides = new LinkedHashMap<>();
    for (JsonNode row : rows(name)) {
      if (wanted.test(row)) {
        sides
            .computeIfAbsent(row.path("side").asText(), _ -> new TreeMap<>())
            .put(row.path(size).asDouble(), row.path("median us").asDouble());
      }
    }
    if (sides.values().stream().noneMatch(points -> points.size() > 1)) {
      return;
    }
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(size)
            .yAxisTitle("microseconds (median)")
            .build();
    plain(chart.getStyler()).setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    sides.forEach((side, points) ->
        chart.addSeries(side, new ArrayList<>(points.keySet()), new ArrayList<>(points.values())));
    save(chart, file);
  }

  private void bars(String name, String title, String group, String value, boolean bySeries)
      throws IOException {
    Map<String, Map<String, Double>> series = new LinkedHashMap<>();
    for (JsonNode row : rows(name)) {
      if (row.path("kind").asText().equals("adamw")) {
        continue;
      }
      String where =
          row.has("kind")
              ? "%s %s, R = %s"
                  .formatted(
                      row.path("H").asText(), row.path("storage").asText(), row.path("R").asText())
              : row.path(group).asText();
      String side = row.has("part") ? row.path("part").asText() : row.path("side").asText();
      series
          .computeIfAbsent(bySeries ? side : value, _ -> new LinkedHashMap<>())
          .put(where, row.path(value).asDouble());
    }
    if (series.isEmpty()) {
      return;
    }
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .yAxisTitle(value)
            .build();
    plain(chart.getStyler()).setXAxisLabelRotation(20).setLegendVisible(bySeries);
    // A part a thousandth of another is not seen on a linear axis, and that is what it shows.
    series.forEach((side, points) ->
        chart.addSeries(side, new ArrayList<>(points.keySet()), new ArrayList<>(points.values())));
    save(chart, name);
  }

  // A dashed line is written to SVG dash by dash: ten times the bytes of all the rest.
  private static AxesChartStyler plain(AxesChartStyler styler) {
    styler.setPlotGridLinesStroke(new BasicStroke(0.5f)).setChartBackgroundColor(Color.WHITE);
    return styler;
  }

  private void save(Chart<?, ?> chart, String name) throws IOException {
    String file = folder.resolve(name).toString();
    BitmapEncoder.saveBitmap(chart, file, BitmapEncoder.BitmapFormat.PNG);
    VectorGraphicsEncoder.saveVectorGraphic(
        chart, file, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    System.out.println(file + ".png, .svg");
  }
}
