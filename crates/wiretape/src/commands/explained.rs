//! `--explain`: what a question will do, and what it did.

use tape::question::{self, Coverage, Query, Source, Subject};

use crate::args::{FlowFormat, LimitArgs};
use crate::errors::Failure;
use crate::output::explain::{self, Form};

/// Whether and how a question is explained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explained(Option<Form>);

impl Explained {
    /// As the options say; an answer in JSON is explained in JSON.
    pub(super) fn new(limits: &LimitArgs, format: Option<FlowFormat>) -> Self {
        let form = if format == Some(FlowFormat::Json) { Form::Json } else { Form::Words };
        Self(limits.explain.then_some(form))
    }

    /// Says what the question will do.
    pub(super) fn before(self, source: &Source, query: &Query, subject: Subject) -> Result<(), Failure> {
        if let Some(form) = self.0
            && let Some(plan) = question::plan(source, query, subject)?
        {
            explain::print_plan(&plan, form);
        }
        Ok(())
    }

    /// Says what it did.
    pub(super) fn behind(self, coverage: &Coverage) {
        if let Some(form) = self.0 {
            explain::print(&coverage.explanation, form);
        }
    }
}
