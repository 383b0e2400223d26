"""The one module that plugins import. What stands in ``__all__`` is the contract; everything else may change at any time."""

from flashcrash_core._version import (
    __version__,
)
from flashcrash_core.detection.compiled_as import (
    compiled_as,
)
from flashcrash_core.detection.indicator import (
    BuildContext,
    Floats,
    Indicator,
    JudgeFn,
    Reading,
    Role,
    StepFn,
    StepIndicator,
    WindowFn,
    WindowIndicator,
)
from flashcrash_core.detection.scoring import (
    JudgedRow,
    Score,
    ScoreContext,
    Scorer,
)
from flashcrash_core.detection.settings import (
    DetectorConfig,
    State,
)
from flashcrash_core.errors import (
    ConfigError,
    CredentialError,
    DataError,
    FlashcrashError,
    HaltedError,
    InvariantError,
    PluginConflict,
    PluginContract,
    PluginError,
    PluginFailure,
    PluginNotFound,
    StorageError,
    UsageError,
    VenueError,
    VerificationError,
)
from flashcrash_core.hookspecs import (
    hookimpl,
)
from flashcrash_core.market.bars import (
    BAR_US,
    BAR_VISIBLE_AFTER_US,
    Bar,
    BarBuilder,
)
from flashcrash_core.market.book import (
    BookSide,
    OrderBook,
)
from flashcrash_core.market.book_sync import (
    BookSync,
    SyncState,
)
from flashcrash_core.market.checksums import (
    CHECKSUM_SUFFIX,
    file_sha256,
    parse_checksum,
    verify_checksum,
)
from flashcrash_core.market.events import (
    ASK,
    BID,
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    Event,
    FeedGap,
    Level,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)
from flashcrash_core.market.features import (
    GRID_US,
    UNHEALTHY_BOOK_CROSSED,
    UNHEALTHY_BOOK_STALE,
    UNHEALTHY_BOOK_UNSYNCED,
    UNHEALTHY_GAP,
    UNHEALTHY_LATENCY,
    UNHEALTHY_NAMES,
    FeatureRow,
    unhealthy_names,
)
from flashcrash_core.market.feed import (
    ColumnSource,
    DataTier,
    Feed,
    FeedRequest,
    FeedSource,
    InstrumentResolver,
    SourceInfo,
    WatchedSource,
)
from flashcrash_core.market.files import (
    LineReader,
    read_head,
)
from flashcrash_core.market.instruments import (
    MONEY_SCALE,
    BadNumber,
    Instrument,
    MarketKind,
    money_to_decimal,
    to_money,
)
from flashcrash_core.market.live_source import (
    LiveSource,
)
from flashcrash_core.market.recordings import (
    OPEN_SUFFIX,
    RECORDING_NAME,
    ChainedSource,
    RecordableSource,
    RecordingManifest,
    RecordingOptions,
    is_recording,
    recording_files,
)
from flashcrash_core.market.tape.columns import (
    TapeColumns,
)
from flashcrash_core.market.tape.columns import (
    events_of as tape_events,
)
from flashcrash_core.market.tape.reader import (
    Tape,
    open_tape,
)
from flashcrash_core.market.tape.rows import (
    columns_from,
)
from flashcrash_core.market.tape.writer import (
    TapeMarket,
    write_tape,
)
from flashcrash_core.runtime.market_recording import (
    record_market,
)
from flashcrash_core.runtime.records import (
    AuditRecord,
    FaultRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    Record,
    ScoreRecord,
    SessionRecord,
    SnapshotRecord,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_core.runtime.storage import (
    Store,
)
from flashcrash_core.simulation.generator import (
    SimulatedMarket,
    simulated_instrument,
)
from flashcrash_core.simulation.scenario import (
    MARKET_PRESETS,
    SIMULATED_SYMBOL,
    MarketScenario,
    scenario_preset,
)
from flashcrash_core.specs import (
    API_VERSION,
    ExecutorSpec,
    FeedSpec,
    Finding,
    IndicatorSpec,
    NoConfig,
    PluginInfo,
    SampleWriter,
    ScorerSpec,
    Spec,
    StoreHistory,
    StoreSpec,
    StrategySpec,
)
from flashcrash_core.trading.execution import (
    Executor,
    ExecutorContext,
    MarketView,
    VenueExecutor,
)
from flashcrash_core.trading.matching.fill_models import (
    FILL_MODELS,
)
from flashcrash_core.trading.matching.live_order import (
    LiveOrder,
)
from flashcrash_core.trading.matching.settings import (
    FillModel,
    VenueConfig,
)
from flashcrash_core.trading.matching.taker import (
    walk,
)
from flashcrash_core.trading.matching.venue import (
    SimulatedVenue,
)
from flashcrash_core.trading.orders import (
    OPEN_STATES,
    STOP_TYPES,
    UNPRICED_TYPES,
    CancelOrder,
    Command,
    NoticeKind,
    Order,
    OrderState,
    OrderType,
    SubmitOrder,
    VenueNotice,
)
from flashcrash_core.trading.positions import (
    Position,
)
from flashcrash_core.trading.strategy import (
    Cancel,
    Enter,
    Exit,
    Fees,
    Intent,
    Moment,
    Refuse,
    Strategy,
)

__all__ = [
    "API_VERSION",
    "ASK",
    "BAR_US",
    "BAR_VISIBLE_AFTER_US",
    "BID",
    "CHECKSUM_SUFFIX",
    "FILL_MODELS",
    "GRID_US",
    "MARKET_PRESETS",
    "MONEY_SCALE",
    "OPEN_STATES",
    "OPEN_SUFFIX",
    "RECORDING_NAME",
    "SIMULATED_SYMBOL",
    "STOP_TYPES",
    "UNHEALTHY_BOOK_CROSSED",
    "UNHEALTHY_BOOK_STALE",
    "UNHEALTHY_BOOK_UNSYNCED",
    "UNHEALTHY_GAP",
    "UNHEALTHY_LATENCY",
    "UNHEALTHY_NAMES",
    "UNPRICED_TYPES",
    "AuditRecord",
    "BadNumber",
    "Bar",
    "BarBuilder",
    "BestQuote",
    "BookDelta",
    "BookSide",
    "BookSnapshot",
    "BookSync",
    "BuildContext",
    "Cancel",
    "CancelOrder",
    "ChainedSource",
    "ColumnSource",
    "Command",
    "ConfigError",
    "Continuity",
    "CredentialError",
    "DataError",
    "DataTier",
    "DetectorConfig",
    "Enter",
    "Event",
    "Executor",
    "ExecutorContext",
    "ExecutorSpec",
    "Exit",
    "FaultRecord",
    "FeatureRow",
    "Feed",
    "FeedGap",
    "FeedRequest",
    "FeedSource",
    "FeedSpec",
    "Fees",
    "FillModel",
    "FillRecord",
    "Finding",
    "FlashcrashError",
    "Floats",
    "HaltedError",
    "Indicator",
    "IndicatorSpec",
    "Instrument",
    "InstrumentResolver",
    "Intent",
    "IntentRecord",
    "InvariantError",
    "JudgeFn",
    "JudgedRow",
    "Level",
    "LineReader",
    "LiveOrder",
    "LiveSource",
    "MarketEvent",
    "MarketKind",
    "MarketScenario",
    "MarketView",
    "Moment",
    "NoConfig",
    "NoticeKind",
    "NoticeRecord",
    "Order",
    "OrderBook",
    "OrderState",
    "OrderType",
    "PluginConflict",
    "PluginContract",
    "PluginError",
    "PluginFailure",
    "PluginInfo",
    "PluginNotFound",
    "Position",
    "Reading",
    "Record",
    "RecordableSource",
    "RecordingManifest",
    "RecordingOptions",
    "Refuse",
    "Rejected",
    "Role",
    "SampleWriter",
    "Score",
    "ScoreContext",
    "ScoreRecord",
    "Scorer",
    "ScorerSpec",
    "SessionRecord",
    "Side",
    "SimulatedMarket",
    "SimulatedVenue",
    "SnapshotRecord",
    "SourceInfo",
    "Spec",
    "State",
    "StepFn",
    "StepIndicator",
    "StorageError",
    "Store",
    "StoreHistory",
    "StoreSpec",
    "Strategy",
    "StrategySpec",
    "SubmitOrder",
    "SyncState",
    "Tape",
    "TapeColumns",
    "TapeMarket",
    "Timer",
    "Trade",
    "TradeRecord",
    "TransitionRecord",
    "UsageError",
    "VenueConfig",
    "VenueError",
    "VenueExecutor",
    "VenueNotice",
    "VerificationError",
    "WatchedSource",
    "WindowFn",
    "WindowIndicator",
    "__version__",
    "columns_from",
    "compiled_as",
    "file_sha256",
    "hookimpl",
    "is_recording",
    "money_to_decimal",
    "open_tape",
    "parse_checksum",
    "read_head",
    "record_market",
    "recording_files",
    "scenario_preset",
    "simulated_instrument",
    "tape_events",
    "to_money",
    "unhealthy_names",
    "verify_checksum",
    "walk",
    "write_tape",
]
