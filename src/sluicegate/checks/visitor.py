"""One method per canonical check. A translation is a subclass; one that forgets a check can't be instantiated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from sluicegate.checks import model as m

__all__ = ["CheckVisitor"]

T = TypeVar("T")


class CheckVisitor(ABC, Generic[T]):
    """A function over the union of canonical checks."""

    def visit(self, check: m.CanonicalCheck) -> T:
        """Call the method named after the check.

        Raises:
            TypeError: for anything that is not a canonical check.
        """
        method = getattr(self, getattr(check, "type_name", ""), None)
        if method is None:
            raise TypeError(f"{type(check).__name__} is not a canonical check")
        result: T = method(check)
        return result

    @abstractmethod
    def not_null(self, check: m.NotNull) -> T: ...
    @abstractmethod
    def unique(self, check: m.Unique) -> T: ...
    @abstractmethod
    def accepted_values(self, check: m.AcceptedValues) -> T: ...
    @abstractmethod
    def rejected_values(self, check: m.RejectedValues) -> T: ...
    @abstractmethod
    def range(self, check: m.Range) -> T: ...
    @abstractmethod
    def pattern(self, check: m.Pattern) -> T: ...
    @abstractmethod
    def length(self, check: m.Length) -> T: ...
    @abstractmethod
    def completeness(self, check: m.Completeness) -> T: ...
    @abstractmethod
    def column_comparison(self, check: m.ColumnComparison) -> T: ...
    @abstractmethod
    def reference(self, check: m.Reference) -> T: ...
    @abstractmethod
    def monotonic(self, check: m.Monotonic) -> T: ...
    @abstractmethod
    def row_expression(self, check: m.RowExpression) -> T: ...
    @abstractmethod
    def schema(self, check: m.Schema) -> T: ...
    @abstractmethod
    def column_type(self, check: m.ColumnType) -> T: ...
    @abstractmethod
    def row_count(self, check: m.RowCount) -> T: ...
    @abstractmethod
    def freshness(self, check: m.Freshness) -> T: ...
    @abstractmethod
    def aggregate(self, check: m.Aggregate) -> T: ...
    @abstractmethod
    def metric_query(self, check: m.MetricQuery) -> T: ...
    @abstractmethod
    def drift(self, check: m.Drift) -> T: ...
