/** The gavel command. */
module dev.gavel.cli {
  requires dev.gavel.metric;
  requires dev.gavel.text;
  requires com.fasterxml.jackson.core;
  requires com.fasterxml.jackson.databind;
  requires com.github.luben.zstd_jni;
  requires java.logging;
  requires info.picocli;
  requires me.tongfei.progressbar;
  requires static org.jspecify;

  // picocli fills the options of the commands.
  opens dev.gavel.cli to
      info.picocli;
}
