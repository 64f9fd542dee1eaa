//! Files of mail, FTP, TFTP, SMB and NFS, against tshark.

use std::path::Path;
use std::process::Command;

use investigate::{Ends, Field};

use crate::captures::investigate;
use crate::collect::{Collected, File};
use crate::shared::folder;

fn carved(capture: &Path) -> Collected {
    let mut collected = Collected::default();
    investigate(capture, &mut collected);
    collected
}

/// The bytes of a file in their places, if none is missing.
fn whole(file: &File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (start, piece) in &file.plain {
        let (start, end) = (usize::try_from(*start).ok()?, usize::try_from(*start).ok()? + piece.len());
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(piece);
    }
    (file.gap_bytes == 0).then_some(bytes)
}

#[test]
fn what_tshark_exports() {
    let Some(folder) = folder() else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs tshark");
        eprintln!("skipped: needs tshark");
        return;
    }
    let captures = [
        ("imf", "arkime+arkime/tests/pcap/imap.pcap"),
        ("imf", "arkime+arkime/tests/pcap/smtp-zip.pcap"),
        ("imf", "OISF+suricata-verify/tests/pop3-02-bug-7709/input.pcap"),
        ("ftp-data", "OISF+suricata-verify/tests/filestore-ftp-active-mode/ftp-active-mode.pcap"),
        ("ftp-data", "OISF+suricata-verify/tests/output-eve-ftp-data/input.pcap"),
        ("tftp", "arkime+arkime/tests/pcap/tftp_rrq.pcap"),
        ("smb", "zeek+zeek/testing/btest/Traces/smb/smb2readwrite.pcap"),
    ];
    for (kind, capture) in captures {
        let capture = folder.join(capture);
        let out = tempfile(kind, &capture);
        let status = Command::new("tshark")
            .args(["-Q", "-r"])
            .arg(&capture)
            .arg("--export-objects")
            .arg(format!("{kind},{}", out.display()))
            .output();
        assert!(status.expect("tshark").status.success());
        let ours: Vec<Vec<u8>> = carved(&capture).files.iter().filter_map(whole).collect();
        let mut count = 0;
        for entry in std::fs::read_dir(&out).expect("exported") {
            let theirs = std::fs::read(entry.expect("entry").path()).expect("exported file");
            count += 1;
            // Of IMAP it takes header fields alone for mails, of POP3 lists too, and it keeps the dot that ends a mail.
            let theirs = theirs.strip_suffix(b".\r\n").unwrap_or(&theirs);
            let line = theirs.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let is_mail =
                line.contains(&b':') && theirs.windows(4).position(|end| end == b"\r\n\r\n") != Some(theirs.len() - 4);
            if kind == "imf" && !is_mail {
                continue;
            }
            // tshark leaves the last line end of a mail out.
            let is_same = |ours: &Vec<u8>| *ours == theirs || ours.strip_suffix(b"\r\n") == Some(theirs);
            assert!(ours.iter().any(is_same), "{}: {} bytes of {kind}", capture.display(), theirs.len());
        }
        let _ = std::fs::remove_dir_all(&out);
        assert!(count > 0, "{}: tshark exports {kind}", capture.display());
    }
}

fn tempfile(kind: &str, capture: &Path) -> std::path::PathBuf {
    let name = format!("wiretape-carved-{}-{kind}-{}", std::process::id(), capture.to_string_lossy().replace('/', "_"));
    std::env::temp_dir().join(name)
}

#[test]
fn what_tshark_reads() {
    let Some(folder) = folder() else { return };
    let fields = [
        ("imf.subject", Field::MailSubject),
        ("ftp.request.arg and ftp.request.command==USER", Field::User),
        ("ntlmssp.auth.username", Field::User),
    ];
    let mut checked = 0;
    let captures = [
        "arkime+arkime/tests/pcap/imap.pcap",
        "arkime+arkime/tests/pcap/smtp-zip.pcap",
        "OISF+suricata-verify/tests/dcerpc/zerologon/input.pcap",
        "OISF+suricata-verify/tests/filestore-ftp-active-mode/ftp-active-mode.pcap",
        "OISF+suricata-verify/tests/filestore-filecontainer-smb1-data-offset/input.pcap",
        "OISF+suricata-verify/tests/pop3-02-bug-7709/input.pcap",
        "OISF+suricata-verify/tests/smb2-ntlmssp-negotiateflags/input.pcap",
        "zeek+zeek/testing/btest/Traces/ftp/retr.pcap",
        "zeek+zeek/testing/btest/Traces/smtp.pcap",
    ];
    for capture in captures {
        let (text, capture) = (capture, folder.join(capture));
        let collected = carved(&capture);
        for (field, ours) in fields {
            let (name, filter) = field.split_once(" and ").unwrap_or((field, field));
            let output = Command::new("tshark")
                .arg("-r")
                .arg(&capture)
                .args(["-Y", filter, "-T", "fields", "-e", name])
                .output();
            let Ok(output) = output else {
                assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs tshark");
                eprintln!("skipped: needs tshark");
                return;
            };
            for theirs in String::from_utf8_lossy(&output.stdout).lines().flat_map(|line| line.split(',')) {
                if theirs.is_empty() || theirs == "NULL" || theirs.contains("=?") {
                    continue;
                }
                checked += 1;
                // Line ends within a field are shown as they are; here they are folded.
                let folded = theirs.replace("\\r\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
                let found = collected.texts(ours).iter().any(|text| text.contains(&folded));
                assert!(found, "{text}: {name} {theirs:?}; told {:?}", collected.texts(ours));
            }
        }
    }
    assert!(checked > 20, "{checked} values");
}

#[test]
fn files_that_are_whole_say_so() {
    let Some(folder) = folder() else { return };
    let collected = carved(&folder.join("zeek+zeek/testing/btest/Traces/ftp/retr.pcap"));
    let file = collected.files.iter().find(|file| file.start.protocol == "ftp-data").expect("a file");
    assert_eq!(
        (file.ends, file.start.name.as_deref().map(|name| name.ends_with("html.txt") || !name.is_empty())),
        (Some(Ends::Whole), Some(true))
    );
}

#[test]
fn what_nfs_wrote_is_what_tshark_reads() {
    let Some(folder) = folder() else { return };
    let capture = folder.join("zeek+zeek/testing/btest/Traces/nfs/nfs_write.pcap");
    let fields = ["-Y", "nfs.data and rpc.msgtyp == 0", "-T", "fields", "-e", "nfs.data"];
    let Ok(output) = Command::new("tshark").arg("-r").arg(&capture).args(fields).output() else {
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs tshark");
        eprintln!("skipped: needs tshark");
        return;
    };
    let theirs: String = String::from_utf8_lossy(&output.stdout).split_whitespace().collect();
    let collected = carved(&capture);
    let written: Vec<&File> = collected.files.iter().filter(|file| file.start.protocol == "nfs").collect();
    let bytes = written.iter().flat_map(|file| whole(file).expect("whole"));
    let ours: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    assert!(!theirs.is_empty());
    assert_eq!(ours, theirs);
    assert!(written.iter().all(|file| file.start.name.is_some()), "{written:?}");
}
