//! Types of files by their first bytes.

/// A type, by bytes at an offset.
type Mark = (usize, &'static [u8], &'static str);

/// The surer first. From file(1)'s magic and the formats' own documents.
const MARKS: &[Mark] = &[
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"\x04\x22\x4d\x18", "application/x-lz4"),
    (0, b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
    (0, b"ITSF\x03\x00\x00\x00", "application/vnd.ms-htmlhelp"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"regf", "application/x-ms-registry-hive"),
    (0, b"ElfFile\x00", "application/x-ms-evtx"),
    (0, b"dex\n03", "application/vnd.android.dex"),
    (0, b"\x00asm\x01\x00\x00\x00", "application/wasm"),
    (0, b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"CWS", "application/vnd.adobe.flash.movie"),
    (0, b"FWS", "application/vnd.adobe.flash.movie"),
    (0, b"ZWS", "application/vnd.adobe.flash.movie"),
    (0, b"Cr24", "application/x-chrome-extension"),
    (0, b"xar!", "application/x-xar"),
    (0, b"!<arch>\ndebian", "application/vnd.debian.binary-package"),
    (0, b"!<arch>\n", "application/x-archive"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm"),
    (0, b"hsqs", "application/x-squashfs"),
    (0, b"VMDK", "application/x-vmdk"),
    (0, b"KDMV", "application/x-vmdk"),
    (0, b"QFI\xfb", "application/x-qemu-disk"),
    (0, b"conectix", "application/x-vhd"),
    (0, b"vhdxfile", "application/x-vhdx"),
    (0, b"MDMP", "application/x-ms-minidump"),
    (0, b"PAGEDU64", "application/x-ms-dump"),
    (0, b"PAGEDUMP", "application/x-ms-dump"),
    (0, b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (0, b"\x4d\x3c\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (0, b"\x0a\x0d\x0d\x0a", "application/x-pcapng"),
    (0, b"!BDN", "application/vnd.ms-outlook-pst"),
    (0, b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"),
    (0, b"OggS", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"OTTO", "font/otf"),
    (0, b"\x00\x01\x00\x00\x00", "font/ttf"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\x1f\x9d", "application/x-compress"),
    (0, b"-----BEGIN PGP", "application/pgp-encrypted"),
    (0, b"-----BEGIN CERTIFICATE", "application/x-pem-file"),
    (0, b"-----BEGIN ", "application/x-pem-file"),
    (0, b"PuTTY-User-Key-File", "application/x-putty-private-key"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"<?php", "application/x-httpd-php"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\xac\xed\x00\x05", "application/x-java-serialized-object"),
    (257, b"ustar", "application/x-tar"),
];

/// Members of a zip that tell what it is: office documents, programs for Java and Android.
const ZIP_MARKS: &[(&[u8], &str)] = &[
    (b"word/vbaProject", "application/vnd.ms-word.document.macroenabled.12"),
    (b"xl/vbaProject", "application/vnd.ms-excel.sheet.macroenabled.12"),
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
    (b"mimetypeapplication/epub+zip", "application/epub+zip"),
    (b"AndroidManifest.xml", "application/vnd.android.package-archive"),
    (b"META-INF/", "application/java-archive"),
];

/// Beginnings of texts, whatever their case, behind white space and a byte order mark.
const TEXT_MARKS: &[(&[u8], &str)] = &[
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<head", "text/html"),
    (b"<body", "text/html"),
    (b"<script", "text/html"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "text/xml"),
];

/// The type of a file that begins so; `None` if its first bytes do not tell.
pub(super) fn of(head: &[u8]) -> Option<&'static str> {
    let stands = |(offset, bytes, _): &&Mark| head.get(*offset..).is_some_and(|rest| rest.starts_with(bytes));
    if head.starts_with(b"PK\x03\x04") {
        return Some(zip(head));
    }
    if let Some(program) = executable(head).or_else(|| container(head)) {
        return Some(program);
    }
    MARKS.iter().find(stands).map(|(_, _, name)| *name).or_else(|| text(head))
}

fn zip(head: &[u8]) -> &'static str {
    let holds = |(member, _): &&(&[u8], &str)| memchr::memmem::find(head, member).is_some();
    ZIP_MARKS.iter().find(holds).map_or("application/zip", |(_, name)| name)
}

/// DOS and Windows programs: "MZ", and where it says, "PE".
fn executable(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"MZ") {
        return None;
    }
    let pointer = head.get(0x3c..0x40)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
    let header = head.get(usize::try_from(pointer).ok()?..).unwrap_or_default();
    let is_portable = header.starts_with(b"PE\0\0");
    Some(if is_portable { "application/vnd.microsoft.portable-executable" } else { "application/x-dosexec" })
}

/// RIFF and ISO base media: a box that says what is in it.
fn container(head: &[u8]) -> Option<&'static str> {
    let (outer, inner) = (head.get(..4)?, head.get(8..12).unwrap_or_default());
    match (outer, inner) {
        (b"RIFF", b"WEBP") => Some("image/webp"),
        (b"RIFF", b"WAVE") => Some("audio/x-wav"),
        (b"RIFF", b"AVI ") => Some("video/x-msvideo"),
        _ if head.get(4..8) == Some(b"ftyp") => Some(match inner {
            b"heic" | b"heix" | b"mif1" => "image/heic",
            b"avif" => "image/avif",
            b"qt  " => "video/quicktime",
            b"M4A " => "audio/mp4",
            _ => "video/mp4",
        }),
        _ if outer.starts_with(b"BM") && head.get(6..10) == Some(&[0; 4]) => Some("image/bmp"),
        _ => None,
    }
}

fn text(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return None;
    }
    let without_mark = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let trimmed = without_mark.trim_ascii_start();
    let begins =
        |(mark, _): &&(&[u8], &str)| trimmed.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if let Some((_, name)) = TEXT_MARKS.iter().find(begins) {
        return Some(name);
    }
    if !is_text(head) {
        return None;
    }
    let looks_like_json = matches!(trimmed, [b'{', ..] | [b'[', ..]) && memchr::memchr(b'"', trimmed).is_some();
    Some(if looks_like_json { "application/json" } else { "text/plain" })
}

/// UTF-8, but for a letter that the end of the head cut, without control characters that no text has.
fn is_text(head: &[u8]) -> bool {
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    is_utf8 && !head.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], expected: Option<&str>) {
        assert_eq!(of(head), expected, "{}", head.escape_ascii());
    }

    #[test]
    fn types_are_told_by_the_first_bytes() {
        let mut program = [0; 256];
        program[..2].copy_from_slice(b"MZ");
        program[0x3c] = 0x80;
        check(&program, Some("application/x-dosexec"));
        program[0x80..0x84].copy_from_slice(b"PE\0\0");
        check(&program, Some("application/vnd.microsoft.portable-executable"));
        let mut tape_archive = [0; 512];
        tape_archive[257..262].copy_from_slice(b"ustar");
        check(&tape_archive, Some("application/x-tar"));
        check(b"PK\x03\x04\x14\0\0\0\0\0[Content_Types].xml..word/document.xml", Some(ZIP_MARKS[2].1));
        check(b"PK\x03\x04plain", Some("application/zip"));
        check(b"%PDF-1.4", Some("application/pdf"));
        check(b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp"));
        check(b"\0\0\0\x18ftypisom", Some("video/mp4"));
    }

    #[test]
    fn text_is_text() {
        check(b"\xef\xbb\xbf \n<!DOCTYPE HTML><p>", Some("text/html"));
        check(b"{\"a\": 1}", Some("application/json"));
        check("Gr\u{fc}\u{df}e".as_bytes(), Some("text/plain"));
        check("Gr\u{fc}".as_bytes().split_last().expect("bytes").1, Some("text/plain"));
        check(b"a\0b", None);
        check(b"", None);
    }
}
