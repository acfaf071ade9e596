package dev.gavel.checkpoint;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which tensors are the backbone's, by their names. Only these are passed over; every other tensor
 * is the head's and must be one the head's pattern knows.
 */
final class Backbone {
  // What transformers puts in front of a base model's names, then the top-level modules of a base
  // model saved by itself, then the output layer of a language model.
  private static final List<String> ROOTS =
      List.of(
          "model.",
          "transformer.",
          "gpt_neox.",
          "bert.",
          "deberta.",
          "roberta.",
          "language_model.",
          "visual.",
          "vision_tower.",
          "multi_modal_projector.",
          "embeddings.",
          "encoder.",
          "embed_tokens.",
          "embed_in.",
          "embed_out.",
          "layers.",
          "norm.",
          "rotary_emb.",
          "lm_head.");

  private Backbone() {}

  static boolean has(String name) {
    return ROOTS.stream().anyMatch(name::startsWith);
  }

  /** The names that are not the backbone's, sorted. */
  static Set<String> others(Set<String> names) {
    Set<String> others = new TreeSet<>(names);
    others.removeIf(Backbone::has);
    return others;
  }

  static String describe() {
    return String.join(" ", ROOTS);
  }
}
