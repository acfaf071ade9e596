package dev.gavel.checkpoint;

import dev.gavel.Activation;
import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HeadSpec;
import dev.gavel.HeadSpecBuilder;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Readout;
import dev.gavel.checkpoint.ExpectedTensors.Kind;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Heads of several objectives mixed by a gate, a second head. */
final class GatedHeads {
  // What the published classes look for, by the beginning of their names: the tokens between the
  // user's and the assistant's turn.
  private static final List<Long> LLAMA = List.of(128009L, 128006L, 78191L, 128007L, 271L);
  private static final List<Long> GEMMA = List.of(107L, 108L, 106L, 2516L, 108L);

  private static final String TRANSFORM = "reward_transform_matrix";
  private static final String SCALE = "gating.logit_scale";
  // Bins of an LDL distribution, whose levels lie evenly from 0 to 1.
  private static final int BINS = 10;

  private GatedHeads() {}

  /** Objectives W y; gate Linear, ReLU, ..., Linear; their softmax at a temperature of 10. */
  static Plan armorm(Facts facts) {
    Recipe recipe =
        mixing(new Recipe(facts, HeadPattern.ARMORM).layer("regression_layer", false).outputs("K"));
    List<String> layers = new ArrayList<>();
    for (int i = 0; facts.hasHead("gating.layers." + i + ".weight"); i++) {
      layers.add("gating.layers." + i);
    }
    // The class has at least one; its difference says which is missing.
    if (layers.isEmpty()) {
      layers.add("gating.layers.0");
    }
    gateLayers(recipe, facts, layers);
    Plan plan = recipe.plan();
    HeadSpec gate =
        gate(
            facts,
            () -> {
              HeadSpecBuilder builder = gateSpec(facts, recipe, layers.size() - 1);
              return layers.size() == 1 ? builder : builder.activation(Activation.RELU);
            },
            plan.spec().dtype());
    return plan.gated(softmax(facts, gate, parts(layers), Readout.identity()));
  }

  /** Quantiles of objectives W y, averaged; gate with batch norms. */
  static Plan qrm(Facts facts) {
    long width = facts.hiddenWidth();
    Recipe recipe =
        mixing(new Recipe(facts, HeadPattern.QRM).layer("regression_layer", false).outputs("Q"));
    for (int l = 0; l < 3; l++) {
      recipe.also(
          FoldedNorms.layer(l) + "weight", Kind.NUMBERS, "F", l == 0 ? (Object) width : "F");
      String norm = FoldedNorms.norm(l);
      recipe
          .also(norm + "weight", Kind.NUMBERS, "F")
          .also(norm + "bias", Kind.NUMBERS, "F")
          .also(norm + "running_mean", Kind.NUMBERS, "F")
          .also(norm + "running_var", Kind.NUMBERS, "F")
          .also(norm + "num_batches_tracked", Kind.COUNT);
    }
    recipe
        .also(FoldedNorms.layer(3) + "weight", Kind.NUMBERS, "K", "F")
        .also(FoldedNorms.layer(3) + "bias", Kind.NUMBERS, "K");
    Plan plan = recipe.plan();
    long quantiles =
        facts
            .config()
            .require("num_quantiles", facts.config().integer("num_quantiles"), "1 or more");
    requireGroups(facts, "num_quantiles", recipe.size("Q"), quantiles, recipe.size("K"));
    HeadSpec gate =
        gate(facts, () -> gateSpec(facts, recipe, 3).activation(Activation.RELU), DType.F32);
    return plan.gated(
        softmax(facts, gate, List.of(), Readout.quantileMean(Math.toIntExact(quantiles))));
  }

  /** Distributions over 10 bins, two LeakyReLU layers each for them and for their weights. */
  static Plan ldl(Facts facts) {
    Recipe recipe =
        new Recipe(facts, HeadPattern.LDL)
            .layer(CheckpointFiles.LDL_HEAD + "network.0", true)
            .layer(CheckpointFiles.LDL_HEAD + "network.2", true)
            .layer(CheckpointFiles.LDL_HEAD + "network.4", true)
            .activation(Activation.LEAKY_RELU)
            .outputs("Q");
    List<String> layers =
        List.of(
            CheckpointFiles.LDL_GATE + "network.0",
            CheckpointFiles.LDL_GATE + "network.3",
            CheckpointFiles.LDL_GATE + "network.6");
    gateLayers(recipe, facts, layers);
    Plan plan = recipe.plan();
    requireGroups(facts, "num_objectives", recipe.size("Q"), BINS, recipe.size("K"));
    HeadSpec gate =
        gate(
            facts,
            () -> gateSpec(facts, recipe, 2).leakyRelu(Recipe.LEAKY_SLOPE),
            plan.spec().dtype());
    float[] levels = new float[BINS];
    for (int i = 0; i < BINS; i++) {
      levels[i] = (float) (i / (BINS - 1.0));
    }
    boolean softmax = facts.config().truth("softmax").orElse(false);
    return plan.gated(
        new GatePlan(
            gate,
            parts(layers),
            softmax ? Readout.GateForm.SOFTMAX : Readout.GateForm.LINEAR,
            softmax ? temperature(facts, "temperature", 1) : 0,
            Readout.expectation(levels),
            Optional.empty(),
            Optional.empty(),
            new GateRows.SameRow()));
  }

  private static Recipe mixing(Recipe recipe) {
    return recipe.also(TRANSFORM, Kind.NUMBERS, "K", "K").also(SCALE, Kind.NUMBERS, 1);
  }

  /** Linear layers with biases, all hidden ones of one width. */
  private static void gateLayers(Recipe recipe, Facts facts, List<String> layers) {
    for (int i = 0; i < layers.size(); i++) {
      Object out = i == layers.size() - 1 ? "K" : "G";
      Object in = i == 0 ? (Object) facts.hiddenWidth() : "G";
      recipe
          .also(layers.get(i) + ".weight", Kind.PARAMETER, out, in)
          .also(layers.get(i) + ".bias", Kind.PARAMETER, out);
    }
  }

  private static HeadSpecBuilder gateSpec(Facts facts, Recipe recipe, int hiddenLayers) {
    int width = Math.toIntExact(facts.hiddenWidth());
    String letter = recipe.knows("G") ? "G" : "F";
    HeadSpecBuilder builder =
        hiddenLayers == 0
            ? HeadSpec.linear(width)
            : HeadSpec.mlp(
                width,
                Collections.nCopies(hiddenLayers, recipe.size(letter)).stream()
                    .mapToInt(Integer::intValue)
                    .toArray());
    return builder.outputWidth(recipe.size("K"));
  }

  private static HeadSpec gate(Facts facts, Supplier<HeadSpecBuilder> builder, DType dtype) {
    try {
      return builder.get().dtype(dtype).build();
    } catch (InvalidArgumentException e) {
      throw new FormatException(facts.folder(), "has a gate that cannot be: " + e.getMessage(), e);
    }
  }

  private static List<Plan.Part> parts(List<String> layers) {
    List<Plan.Part> parts = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      String to = i == layers.size() - 1 ? "output" : "hidden." + i;
      parts.add(new Plan.Part(to + ".weight", layers.get(i) + ".weight", List.of()));
      parts.add(new Plan.Part(to + ".bias", layers.get(i) + ".bias", List.of()));
    }
    return parts;
  }

  private static GatePlan softmax(
      Facts facts, HeadSpec gate, List<Plan.Part> parts, Readout objectives) {
    return new GatePlan(
        gate,
        parts,
        Readout.GateForm.SOFTMAX,
        temperature(facts, "gating_temperature", 10),
        objectives,
        Optional.of(SCALE),
        Optional.of(TRANSFORM),
        new GateRows.LastPattern(pattern(facts)));
  }

  /** What the published class takes where the configuration says nothing is {@code usual}. */
  private static float temperature(Facts facts, String key, double usual) {
    double found = facts.config().number(key).orElse(usual);
    if (!((float) found >= Float.MIN_NORMAL) || Double.isInfinite(found)) {
      throw facts.config().wrong(key, Double.toString(found), "a number above 0");
    }
    return (float) found;
  }

  private static List<Long> pattern(Facts facts) {
    for (String name : facts.config().texts("architectures")) {
      if (name.startsWith("Llama")) {
        return LLAMA;
      }
      if (name.startsWith("Gemma2")) {
        return GEMMA;
      }
    }
    throw facts
        .config()
        .wrong(
            "architectures",
            facts.config().texts("architectures").toString(),
            "a class that begins with Llama or Gemma2: of others it is not recorded where the gate is read");
  }

  private static void requireGroups(Facts facts, String key, long outputs, long size, long groups) {
    if (size < 1 || outputs % size != 0 || outputs / size != groups) {
      throw new FormatException(
          facts.folder(),
          "has a head of %s and a gate of %d; with %s they must be groups of %d"
              .formatted(Counted.of(outputs, "output"), groups, key, size));
    }
  }
}
