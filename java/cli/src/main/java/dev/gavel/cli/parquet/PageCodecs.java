package dev.gavel.cli.parquet;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/** Compression of pages: what the library has, and gzip by Java, which it takes from Hadoop. */
public final class PageCodecs implements CompressionCodecFactory {
  private static final int PAGE_BYTES = 1 << 20;

  private final CodecFactory others = new CodecFactory(new PlainParquetConfiguration(), PAGE_BYTES);

  /** Options of a reader. */
  static ParquetReadOptions readOptions() {
    return ParquetReadOptions.builder(new PlainParquetConfiguration())
        .withCodecFactory(new PageCodecs())
        .build();
  }

  @Override
  public BytesInputCompressor getCompressor(CompressionCodecName codec) {
    return codec == CompressionCodecName.GZIP ? new GzipCompressor() : others.getCompressor(codec);
  }

  @Override
  public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
    return codec == CompressionCodecName.GZIP
        ? new GzipDecompressor()
        : others.getDecompressor(codec);
  }

  @Override
  public void release() {
    others.release();
  }

  private static final class GzipCompressor implements BytesInputCompressor {
    @Override
    public BytesInput compress(BytesInput bytes) throws IOException {
      ByteArrayOutputStream compressed = new ByteArrayOutputStream();
      try (GZIPOutputStream out = new GZIPOutputStream(compressed)) {
        bytes.writeAllTo(out);
      }
      return BytesInput.from(compressed);
    }

    @Override
    public CompressionCodecName getCodecName() {
      return CompressionCodecName.GZIP;
    }

    @Override
    public void release() {}
  }

  private static final class GzipDecompressor implements BytesInputDecompressor {
    @Override
    public BytesInput decompress(BytesInput bytes, int size) throws IOException {
      return BytesInput.from(inflate(bytes.toInputStream(), size));
    }

    @Override
    public void decompress(ByteBuffer from, int compressed, ByteBuffer to, int size)
        throws IOException {
      byte[] bytes = new byte[compressed];
      from.get(bytes);
      to.put(inflate(new ByteArrayInputStream(bytes), size));
    }

    // Allocates what is there, not what a page claims.
    private static byte[] inflate(InputStream compressed, int size) throws IOException {
      try (GZIPInputStream in = new GZIPInputStream(compressed)) {
        byte[] bytes = in.readNBytes(size);
        if (bytes.length != size || in.read() >= 0) {
          throw new IOException(
              "a page of gzip does not have the %d bytes it claims".formatted(size));
        }
        return bytes;
      }
    }

    @Override
    public void release() {}
  }
}
