CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    symbols TEXT NOT NULL,
    profile TEXT NOT NULL,
    data_tier TEXT NOT NULL,
    version TEXT NOT NULL,
    plugins TEXT NOT NULL,
    config TEXT NOT NULL,
    inputs TEXT NOT NULL,
    wall_started TEXT NOT NULL,
    wall_ended TEXT NOT NULL,
    equity_start_minor INTEGER NOT NULL,
    decision_hash TEXT NOT NULL,
    summary TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_token TEXT NOT NULL
) STRICT;
CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    type TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    stressed INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE orders (
    session TEXT NOT NULL REFERENCES sessions(id),
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    filled_lots INTEGER NOT NULL DEFAULT 0,
    average_ticks REAL,
    fee_minor INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_seq INTEGER NOT NULL,
    last_word TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (session, client_id)
) STRICT;
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    state TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    maker INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE fills (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    notional_minor INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    maker INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    UNIQUE (session, client_id, trade_id)
) STRICT;
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    entry_us INTEGER NOT NULL,
    exit_us INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    entry_ticks REAL,
    exit_ticks REAL,
    fee_minor INTEGER NOT NULL,
    pnl_minor INTEGER NOT NULL,
    exit_reason TEXT NOT NULL,
    score REAL
) STRICT;
CREATE TABLE transitions (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL
) STRICT;
CREATE TABLE scores (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    total REAL,
    refused TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX intents_by_session ON intents (session, seq);
CREATE INDEX notices_by_session ON notices (session, seq);
CREATE INDEX fills_by_session ON fills (session, seq);
CREATE INDEX trades_by_session ON trades (session, seq);
CREATE INDEX transitions_by_session ON transitions (session, seq);
CREATE INDEX scores_by_session ON scores (session, seq);
CREATE INDEX audit_by_session ON audit (session, seq);
CREATE INDEX snapshots_by_session ON snapshots (session, seq);
CREATE INDEX notices_fills ON notices (session, client_id, trade_id) WHERE kind = 'FILL';
