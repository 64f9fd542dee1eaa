//! What HTTP means, whatever its version: requests, answers, and bodies that are files (RFC 9110).

mod body;
mod disposition;
mod headers;
mod message;
mod multipart;

pub(crate) use body::Body;
pub(crate) use headers::{Headers, content_type, end_of_lines};
pub(crate) use message::{Asked, answer_body, request_body, tell_answer, tell_request};
