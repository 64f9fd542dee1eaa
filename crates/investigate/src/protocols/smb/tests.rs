//! Conversations made up by the layouts of MS-SMB2 and MS-CIFS.

use super::RECOGNISED;
use crate::collected::{Collected, Said};
use crate::protocols::dcerpc::tests as dcerpc;
use crate::{Ends, Field, Side};

const ID: [u8; 16] = *b"0123456789abcdef";
const RELATED: [u8; 16] = [0xff; 16];

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A session message.
fn session(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// A command of SMB 2; the body's offsets count from the header.
fn smb2(command: u16, is_reply: bool, message: u64, status: u32, body: &[u8]) -> Vec<u8> {
    let mut header = b"\xfeSMB\x40\0\0\0".to_vec();
    header.extend(status.to_le_bytes());
    header.extend(command.to_le_bytes());
    header.extend([0, 0]);
    header.extend(u32::from(is_reply).to_le_bytes());
    header.extend(0_u32.to_le_bytes());
    header.extend(message.to_le_bytes());
    header.extend([0; 4]);
    header.extend(7_u32.to_le_bytes());
    header.extend([0; 24]);
    header.extend(body);
    header
}

fn compound(commands: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let mut command = command.clone();
        if index + 1 < commands.len() {
            command.resize(command.len().next_multiple_of(8), 0);
            let next = command.len() as u32;
            command[20..24].copy_from_slice(&next.to_le_bytes());
        }
        message.extend(command);
    }
    session(&message)
}

fn tree_connect(message: u64, share: &str) -> Vec<u8> {
    let path = utf16(share);
    let body = [&b"\x09\0\0\0"[..], &72_u16.to_le_bytes(), &(path.len() as u16).to_le_bytes(), &path].concat();
    smb2(3, false, message, 0, &body)
}

fn create(message: u64, name: &str) -> Vec<u8> {
    let name = utf16(name);
    let mut body = vec![0; 56];
    body[44..46].copy_from_slice(&120_u16.to_le_bytes());
    body[46..48].copy_from_slice(&(name.len() as u16).to_le_bytes());
    body.extend(name);
    smb2(5, false, message, 0, &body)
}

fn created(message: u64, size: u64) -> Vec<u8> {
    let mut body = vec![0; 88];
    body[48..56].copy_from_slice(&size.to_le_bytes());
    body[64..80].copy_from_slice(&ID);
    smb2(5, true, message, 0, &body)
}

fn read(message: u64, id: [u8; 16], offset: u64) -> Vec<u8> {
    let body = [&[49, 0, 0, 0, 0, 0, 1, 0][..], &offset.to_le_bytes(), &id, &[0; 17]].concat();
    smb2(8, false, message, 0, &body)
}

fn read_reply(message: u64, data: &[u8]) -> Vec<u8> {
    let body = [&[17, 0, 80, 0][..], &(data.len() as u32).to_le_bytes(), &[0; 8], data].concat();
    smb2(8, true, message, 0, &body)
}

fn write(message: u64, id: [u8; 16], offset: u64, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    let body = [&[49, 0, 112, 0][..], &length, &offset.to_le_bytes(), &id, &[0; 16], data].concat();
    smb2(9, false, message, 0, &body)
}

fn close(message: u64, id: [u8; 16]) -> Vec<u8> {
    smb2(6, false, message, 0, &[&[24, 0, 0, 0, 0, 0, 0, 0][..], &id].concat())
}

fn closed(message: u64) -> Vec<u8> {
    smb2(6, true, message, 0, &[0; 60])
}

fn tree_connected(kind: u8) -> Vec<u8> {
    session(&smb2(3, true, 1, 0, &[16, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
}

#[test]
fn reading_and_writing_at_offsets() {
    let script = [
        session(&tree_connect(1, "\\\\srv\\data")),
        tree_connected(1),
        session(&create(2, "dir\\a.txt")),
        session(&created(2, 12)),
        compound(&[read(3, ID, 6), read(4, ID, 0)]),
        session(&smb2(8, true, 4, 0x103, &[9, 0, 0, 0, 0, 0, 0, 0])),
        session(&read_reply(3, b"world!")),
        session(&read_reply(4, b"Hello ")),
        session(&write(5, ID, 4, b"more")),
        session(&write(6, ID, 0, b"some")),
        session(&close(7, ID)),
        session(&closed(7)),
    ];
    let from_server = [1, 3, 5, 6, 7, 11];
    let said: Vec<Said<'_>> = script
        .iter()
        .enumerate()
        .map(|(index, bytes)| if from_server.contains(&index) { Said::Server(bytes) } else { Said::Client(bytes) })
        .collect();
    let collected = Collected::cut_everywhere(RECOGNISED.begin, &said);
    assert_eq!(collected.named(), [("dir\\a.txt", "Hello world!".to_owned()), ("dir\\a.txt", "somemore".to_owned())]);
    assert_eq!(collected.files[0].start.size, Some(12));
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
    assert_eq!(collected.all(Field::Detail), ["share=\\\\srv\\data", "open=dir\\a.txt"]);
}

#[test]
fn compounds_whose_handle_is_the_one_before() {
    let request = compound(&[create(2, "b"), write(3, RELATED, 0, b"up"), read(4, RELATED, 0), close(5, RELATED)]);
    let reply = compound(&[created(2, 4), smb2(9, true, 3, 0, &[0; 16]), read_reply(4, b"down"), closed(5)]);
    let collected = Collected::cut_everywhere(RECOGNISED.begin, &[Said::Client(&request), Said::Server(&reply)]);
    let mut named = collected.named();
    named.sort();
    assert_eq!(named, [("b", "down".to_owned()), ("b", "up".to_owned())]);
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
}

/// `SET_INFO` of a file (MS-SMB2 2.2.39).
fn set_info(message: u64, class: u8, set: &[u8]) -> Vec<u8> {
    let length = (set.len() as u32).to_le_bytes();
    let body = [&[33, 0, 1, class][..], &length, &[96, 0, 0, 0, 0, 0, 0, 0], &ID, set].concat();
    smb2(17, false, message, 0, &body)
}

#[test]
fn what_is_renamed_and_removed_is_told() {
    let name: Vec<u8> = "dir\\gone.exe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let renamed = [&[0; 16][..], &(name.len() as u32).to_le_bytes(), &name].concat();
    let (open, opened) = (session(&create(2, "tool.exe")), session(&created(2, 0)));
    let (rename, remove) = (session(&set_info(3, 10, &renamed)), session(&set_info(4, 13, &[1])));
    let kept = session(&set_info(5, 13, &[0]));
    let script =
        [Said::Client(&open), Said::Server(&opened), Said::Client(&rename), Said::Client(&remove), Said::Client(&kept)];
    let collected = Collected::cut_everywhere(RECOGNISED.begin, &script);
    let expected = ["open=tool.exe", "rename=tool.exe", "renamed_to=dir\\gone.exe", "remove=tool.exe"];
    assert_eq!(collected.all(Field::Detail), expected);
}

#[test]
fn pipes_carry_no_files() {
    let connect = session(&tree_connect(1, "\\\\srv\\IPC$"));
    let connected = tree_connected(2);
    let (open, opened) = (session(&create(2, "srvsvc")), session(&created(2, 0)));
    let call = session(&write(3, ID, 0, b"\x05\0\x0b\x03"));
    let unknown = session(&write(9, [1; 16], 0, b"\x05\0\x0b\x03"));
    let script = [
        Said::Client(&connect),
        Said::Server(&connected),
        Said::Client(&open),
        Said::Server(&opened),
        Said::Client(&call),
    ];
    assert!(Collected::cut_everywhere(RECOGNISED.begin, &script).files.is_empty());
    assert!(Collected::cut_everywhere(RECOGNISED.begin, &[Said::Client(&unknown)]).files.is_empty());
}

/// MS-SMB2, 2.2.31 and 2.2.32: what is written to a pipe, what is read from it, and both in one.
#[test]
fn calls_through_pipes_are_told() {
    let transceive = |message: u64, is_reply: bool, call: &[u8]| {
        let mut body = vec![0; if is_reply { 48 } else { 56 }];
        body[4..8].copy_from_slice(&0x0011_c017_u32.to_le_bytes());
        body[8..24].copy_from_slice(&ID);
        let (place, start) = if is_reply { (32, 112_u32) } else { (24, 120) };
        body[place..place + 4].copy_from_slice(&start.to_le_bytes());
        body[place + 4..place + 8].copy_from_slice(&(call.len() as u32).to_le_bytes());
        body.extend(call);
        session(&smb2(11, is_reply, message, 0, &body))
    };
    let connect = session(&tree_connect(1, "\\\\srv\\IPC$"));
    let connected = tree_connected(2);
    let (open, opened) = (session(&create(2, "svcctl")), session(&created(2, 0)));
    let create_service = dcerpc::call(0, 12);
    let (called, answer) = (transceive(6, false, &create_service), transceive(6, true, b""));
    let expected: Vec<&str> = dcerpc::FACTS.iter().skip(1).map(|(_, text)| *text).collect();
    let before = [Said::Client(&connect), Said::Server(&connected), Said::Client(&open), Said::Server(&opened)];
    let (bind, bound) = (session(&write(3, ID, 0, &dcerpc::bind())), session(&read_reply(4, &dcerpc::bound())));
    let ask = session(&read(4, ID, 0));
    let script = [&before[..], &[Said::Client(&bind), Said::Client(&ask), Said::Server(&bound)]].concat();
    let after = [Said::Client(&called), Said::Server(&answer)];
    let told = Collected::cut_everywhere(RECOGNISED.begin, &[&script[..], &after].concat());
    assert_eq!(&told.all(Field::Detail)[2..], expected);
    assert!(told.files.is_empty());
    let (bind, bound) = (transceive(3, false, &dcerpc::bind()), transceive(3, true, &dcerpc::bound()));
    let script = [&before[..], &[Said::Client(&bind), Said::Server(&bound)], &after].concat();
    assert_eq!(&Collected::cut_everywhere(RECOGNISED.begin, &script).all(Field::Detail)[2..], expected);
}

/// MS-CIFS, 2.2.5.6.
#[test]
fn calls_through_pipes_of_smb_1_are_told() {
    let transact = |is_reply: bool, call: &[u8]| {
        let mut words = vec![0; if is_reply { 20 } else { 32 }];
        let place = if is_reply { 12 } else { 22 };
        let start = (32 + 1 + words.len() + 2) as u16;
        words[place..place + 2].copy_from_slice(&(call.len() as u16).to_le_bytes());
        words[place + 2..place + 4].copy_from_slice(&start.to_le_bytes());
        if !is_reply {
            words[26] = 2;
            words[28..].copy_from_slice(&[0x26, 0, 9, 0]);
        }
        smb1(0x25, is_reply, &words, call)
    };
    let (bind, bound) = (transact(false, &dcerpc::bind()), transact(true, &dcerpc::bound()));
    let call = transact(false, &dcerpc::call(0, 12));
    let script = [Said::Client(&bind), Said::Server(&bound), Said::Client(&call)];
    let expected: Vec<&str> = dcerpc::FACTS.iter().skip(1).map(|(_, text)| *text).collect();
    assert_eq!(Collected::cut_everywhere(RECOGNISED.begin, &script).all(Field::Detail), expected);
}

#[test]
fn gaps_stay_where_they_are() {
    let (open, opened) = (session(&create(2, "c")), session(&created(2, 8)));
    let ask = session(&read(3, ID, 0));
    let reply = session(&read_reply(3, b"12345678"));
    let next = session(&write(4, ID, 0, b"after"));
    let before = [Said::Client(&open), Said::Server(&opened), Said::Client(&ask)];
    Collected::with_any_gap(RECOGNISED.begin, &before, (&reply, b"12345678"), (&next, "after"));
    // A gap that swallows the start of a message: the next one is found.
    let script = [
        Said::Client(&open),
        Said::Server(&opened),
        Said::Client(&ask),
        Said::Gap(Side::Server, 1000),
        Said::Server(b"some rest of a message"),
        Said::Server(&reply),
    ];
    let collected = Collected::cut_everywhere(RECOGNISED.begin, &script);
    assert_eq!(collected.named(), [("c", "12345678".to_owned())]);
}

/// A message of SMB 1 with one command.
fn smb1(command: u8, is_reply: bool, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut message = b"\xffSMB".to_vec();
    message.push(command);
    message.extend([0; 4]);
    message.push(if is_reply { 0x80 } else { 0 });
    message.extend([0; 22]);
    message.push((words.len() / 2) as u8);
    message.extend(words);
    message.extend((bytes.len() as u16).to_le_bytes());
    message.extend(bytes);
    session(&message)
}

#[test]
fn files_of_smb_1() {
    let negotiate = smb1(0x72, false, &[], b"\x02PC NETWORK PROGRAM 1.0\0\x02NT LM 0.12\0");
    let negotiated = smb1(0x72, true, &[1, 0], b"");
    let mut words = vec![0xff; 48];
    words[5..7].copy_from_slice(&5_u16.to_le_bytes());
    let open = smb1(0xa2, false, &words, b"a.exe");
    let mut words = vec![0; 68];
    words[0] = 0xff;
    words[5..7].copy_from_slice(&9_u16.to_le_bytes());
    words[55] = 8;
    let opened = smb1(0xa2, true, &words, b"");
    let mut words = vec![0; 24];
    words[0] = 0xff;
    words[4] = 9;
    words[6] = 4;
    let ask = smb1(0x2e, false, &words, b"");
    let mut words = vec![0; 24];
    words[0] = 0xff;
    words[10] = 4;
    words[12..14].copy_from_slice(&60_u16.to_le_bytes());
    let answer = smb1(0x2e, true, &words, b"?tail");
    let mut words = vec![0; 28];
    words[0] = 0xff;
    words[4] = 9;
    words[20] = 4;
    words[22..24].copy_from_slice(&64_u16.to_le_bytes());
    let put = smb1(0x2f, false, &words, b"?head");
    let close = smb1(0x04, false, &[9, 0, 0, 0, 0, 0], b"");
    let collected = Collected::cut_everywhere(
        RECOGNISED.begin,
        &[
            Said::Client(&negotiate),
            Said::Server(&negotiated),
            Said::Client(&open),
            Said::Server(&opened),
            Said::Client(&ask),
            Said::Server(&answer),
            Said::Client(&put),
            Said::Client(&close),
        ],
    );
    assert_eq!(collected.all(Field::Version), ["NT LM 0.12"]);
    assert_eq!(collected.named(), [("a.exe", "????tail".to_owned()), ("a.exe", "head".to_owned())]);
    assert_eq!(collected.files[0].start.offset, 4);
}
