package dev.gavel.cli;

import dev.gavel.cli.parquet.ParquetRows;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.parquet.example.data.Group;

/** Parquet files that tests read. */
final class ParquetFile {
  private ParquetFile() {}

  /** All of its rows, none of which may be damaged. */
  static List<Group> rows(Path file) throws Exception {
    List<Group> groups = new ArrayList<>();
    try (ParquetRows rows = ParquetRows.open(file)) {
      Optional<ParquetRows.Item> item = rows.next();
      while (item.isPresent()) {
        groups.add(((ParquetRows.Item.Whole) item.get()).group());
        item = rows.next();
      }
    }
    return groups;
  }
}
