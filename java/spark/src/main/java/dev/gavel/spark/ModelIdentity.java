package dev.gavel.spark;

import dev.gavel.GavelException;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.Provenance;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkFiles;

/**
 * The files of a model by their hashes, taken on the driver: an executor whose copy differs must
 * not score, or rows of one job would come from two models.
 *
 * @param parts names of the files and their SHA-256
 */
record ModelIdentity(TreeMap<String, String> parts) implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final String DISTRIBUTED = "files:";

  /** Reads the files of a model. */
  static ModelIdentity of(String model, ModelChoices choices) {
    TreeMap<String, String> parts = new TreeMap<>();
    for (Provenance.Part part : Provenance.parts(path(model), choices)) {
      parts.put(part.name(), part.sha256());
    }
    return new ModelIdentity(parts);
  }

  /** The name or the folder that {@link dev.gavel.text.RewardModel#load(String)} takes. */
  static String path(String model) {
    return model.startsWith(DISTRIBUTED)
        ? SparkFiles.get(model.substring(DISTRIBUTED.length()))
        : model;
  }

  /**
   * Compares with what this executor has.
   *
   * @throws GavelException if a file differs
   */
  void require(String model, ModelChoices choices) {
    Map<String, String> here = of(model, choices).parts();
    List<String> different =
        parts.keySet().stream().filter(name -> !parts.get(name).equals(here.get(name))).toList();
    if (!different.isEmpty()) {
      throw new GavelException(
          "model '%s' is another one in this executor than on the driver: %s differ; give every machine the same files"
              .formatted(model, String.join(", ", different)));
    }
  }
}
