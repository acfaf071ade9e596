package dev.gavel.cli.output;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.parquet.PageCodecs;
import dev.gavel.cli.parquet.ParquetRows;
import dev.gavel.text.HeadOutputs;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.schema.Type;

/**
 * Makes a Parquet file of rows of output in JSON, when all of them are there: the same rows give
 * the same bytes, however the run went that wrote them. Where the input is Parquet, its columns are
 * kept: it is read again beside the rows, which are as many and in the same order.
 */
public final class ParquetOutput {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  // What a row group may take of the heap, which the launcher limits to 512 MiB.
  private static final long ROW_GROUP_BYTES = 32L << 20;

  private final List<Source> sources;
  private final Shard shard;
  private final boolean keepsColumns;
  private final List<Type> kept;

  private ParquetOutput(List<Source> sources, Shard shard, boolean keepsColumns, List<Type> kept) {
    this.sources = sources;
    this.shard = shard;
    this.keepsColumns = keepsColumns;
    this.kept = List.copyOf(kept);
  }

  /** Inputs whose columns cannot stand in one file. */
  public static final class ColumnsException extends Exception {
    private static final long serialVersionUID = 1L;

    ColumnsException(String message) {
      super(message);
    }
  }

  /**
   * An output for rows of these sources.
   *
   * @throws ColumnsException if some of them are Parquet and others are not, or their columns
   *     differ
   */
  public static ParquetOutput of(List<Source> sources, Shard shard)
      throws IOException, ColumnsException {
    int parquet = 0;
    Optional<List<Type>> kept = Optional.empty();
    String first = "";
    for (Source source : sources) {
      if (source.path().isEmpty() || !ParquetRows.is(source.path().get())) {
        continue;
      }
      parquet++;
      try (ParquetRows rows = ParquetRows.open(source.path().get())) {
        List<Type> found = rows.schema().getFields();
        if (kept.isEmpty()) {
          kept = Optional.of(found);
          first = source.name();
        } else if (!kept.get().equals(found)) {
          throw new ColumnsException(
              "%s and %s have different columns, which cannot stand in one Parquet file; score them one by one, or write JSON lines"
                  .formatted(first, source.name()));
        }
      } catch (ParquetRows.DamagedException e) {
        // A row of output will say so; its columns are not known.
      }
    }
    if (parquet > 0 && parquet < sources.size()) {
      throw new ColumnsException(
          "some inputs are Parquet and some are not, and columns of the first are kept; score them"
              + " one by one, or write JSON lines");
    }
    return new ParquetOutput(sources, shard, parquet > 0, kept.orElse(List.of()));
  }

  /**
   * Writes the file; on the disk when this returns.
   *
   * @param rows rows of output, JSON lines
   * @param target replaced where it is there
   * @param outputs what the model's head gives
   * @param steps whether the model scores steps
   */
  public void write(Path rows, Path target, HeadOutputs outputs, boolean steps) throws IOException {
    ScoreColumns columns = new ScoreColumns(kept, outputs, steps);
    try (BufferedReader lines = Files.newBufferedReader(rows);
        ParquetWriter<Group> writer =
            ExampleParquetWriter.builder(new LocalOutputFile(target))
                .withType(columns.schema())
                .withConf(new PlainParquetConfiguration())
                .withCodecFactory(new PageCodecs())
                .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
                .withCompressionCodec(CompressionCodecName.ZSTD)
                .withRowGroupSize(ROW_GROUP_BYTES)
                .build()) {
      if (keepsColumns) {
        beside(lines, writer, columns);
      } else {
        String line = lines.readLine();
        while (line != null) {
          writer.write(row(line, columns));
          line = lines.readLine();
        }
      }
    }
    try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private void beside(BufferedReader lines, ParquetWriter<Group> writer, ScoreColumns columns)
      throws IOException {
    long number = 0;
    for (Source source : sources) {
      try (ParquetRows rows = ParquetRows.open(source.path().orElseThrow())) {
        Optional<ParquetRows.Item> item = rows.next();
        while (item.isPresent()) {
          if (shard.has(number)) {
            Group row = row(required(lines, source), columns);
            if (item.get() instanceof ParquetRows.Item.Whole whole) {
              copy(whole.group(), row, columns.inputColumns());
            }
            writer.write(row);
          }
          number++;
          item = rows.next();
        }
      } catch (ParquetRows.DamagedException e) {
        // It has one row of output, which says why.
        if (shard.has(number)) {
          writer.write(row(required(lines, source), columns));
        }
        number++;
      }
    }
    if (lines.readLine() != null) {
      throw new IOException("there are more rows of output than of input; the input has changed");
    }
  }

  private static String required(BufferedReader lines, Source source) throws IOException {
    String line = lines.readLine();
    if (line == null) {
      throw new IOException(
          "%s has more rows than were scored; it has changed".formatted(source.name()));
    }
    return line;
  }

  private static Group row(String line, ScoreColumns columns) throws IOException {
    JsonNode output = JSON.readTree(line);
    Group row = new SimpleGroup(columns.schema());
    columns.fill(row, output);
    return row;
  }

  private static void copy(Group from, Group to, int inputColumns) {
    for (int field = 0; field < inputColumns; field++) {
      Type type = from.getType().getType(field);
      for (int i = 0; i < from.getFieldRepetitionCount(field); i++) {
        copy(type, from, field, i, to);
      }
    }
  }

  private static void copy(Type type, Group from, int field, int index, Group to) {
    if (!type.isPrimitive()) {
      to.add(field, from.getGroup(field, index));
      return;
    }
    switch (type.asPrimitiveType().getPrimitiveTypeName()) {
      case BOOLEAN -> to.add(field, from.getBoolean(field, index));
      case INT32 -> to.add(field, from.getInteger(field, index));
      case INT64 -> to.add(field, from.getLong(field, index));
      case FLOAT -> to.add(field, from.getFloat(field, index));
      case DOUBLE -> to.add(field, from.getDouble(field, index));
      case BINARY, FIXED_LEN_BYTE_ARRAY -> to.add(field, from.getBinary(field, index));
      case INT96 -> to.add(field, from.getInt96(field, index));
    }
  }
}
