BEGIN TRANSACTION;
CREATE TABLE hil_record (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	line_offset BIGINT NOT NULL, 
	line_bytes BIGINT NOT NULL, 
	run TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	variant TEXT NOT NULL, 
	device TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	engine TEXT, 
	threads BIGINT, 
	cores TEXT, 
	delegate TEXT, 
	window_index BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	problem TEXT, 
	started_utc VARCHAR(32) NOT NULL, 
	model_sha256 TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	time_basis TEXT NOT NULL, 
	latency_n BIGINT, 
	latency_median DOUBLE, 
	latency_p90 DOUBLE, 
	latency_p95 DOUBLE, 
	latency_min DOUBLE, 
	latency_max DOUBLE, 
	latency_low DOUBLE, 
	latency_high DOUBLE, 
	latency_p99 DOUBLE, 
	latency_mad DOUBLE, 
	latency_cycles DOUBLE, 
	latency_clock_hz BIGINT, 
	latency_timer_step DOUBLE, 
	latency_timer_overhead DOUBLE, 
	latency_interval_over TEXT, 
	latency_doubts TEXT, 
	arena_bytes BIGINT, 
	stack_bytes BIGINT, 
	flash_bytes BIGINT, 
	peak_rss_bytes BIGINT, 
	other_memory TEXT, 
	accuracy_metric TEXT, 
	accuracy_n BIGINT, 
	accuracy_correct BIGINT, 
	accuracy_low DOUBLE, 
	accuracy_high DOUBLE, 
	agreement_reference TEXT, 
	agreement_n BIGINT, 
	agreement_identical BIGINT, 
	agreement_label_flips BIGINT, 
	agreement_max_lsb BIGINT, 
	agreement_max_relative DOUBLE, 
	PRIMARY KEY (id), 
	CONSTRAINT hil_record_line UNIQUE (run_id, line_offset), 
	FOREIGN KEY(run_id) REFERENCES hil_run (id)
);
INSERT INTO "hil_record" VALUES(1,1,0,773,'20260101-000000-nightly','digits.int8.board-a.0','digits','int8','board-a','mcu','tflm',NULL,NULL,NULL,0,'ok',NULL,'2026-01-01T00:00:00.000+00:00','abababababababababababababababababababababababababababababababab',1000,'cpu_cycles',20,100.7421875,NULL,NULL,100.0,101.484375,100.390625,101.09375,NULL,0.390625,6447.5,64000000,0.078125,NULL,'20 runs',NULL,24272,NULL,NULL,NULL,'{"arena_persistent_bytes": 4000}','top1',10,9,5.95849973204761629297e-01,0.982123786904927,'tflm',10,10,NULL,0,NULL);
INSERT INTO "hil_record" VALUES(2,1,773,773,'20260101-000000-nightly','digits.int8.board-b.0','digits','int8','board-b','mcu','tflm',NULL,NULL,NULL,0,'ok',NULL,'2026-01-01T00:00:01.000+00:00','abababababababababababababababababababababababababababababababab',1000,'cpu_cycles',20,100.7421875,NULL,NULL,100.0,101.484375,100.390625,101.09375,NULL,0.390625,6447.5,64000000,0.078125,NULL,'20 runs',NULL,24272,NULL,NULL,NULL,'{"arena_persistent_bytes": 4000}','top1',10,9,5.95849973204761629297e-01,0.982123786904927,'tflm',10,10,NULL,0,NULL);
CREATE TABLE hil_run (
	id INTEGER NOT NULL, 
	identity VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	host TEXT NOT NULL, 
	path TEXT NOT NULL, 
	environment TEXT, 
	indexed_bytes BIGINT NOT NULL, 
	indexed_sha256 VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT hil_run_identity UNIQUE (identity)
);
INSERT INTO "hil_run" VALUES(1,'c966deeca7425858d736bbb7b9a5c772996e8221994ba6d236b2d284d9d99dee','20260101-000000-nightly','lab','/srv/runs/20260101-000000-nightly/records.jsonl','{"hil": "0.1.0"}',1546,'13c54945af5b7048ada58143a8c9a28d9f790083f1c2cc79fa59c5dd17ab67d5');
CREATE TABLE hil_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hil_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "hil_schema_version" VALUES('0001');
CREATE INDEX hil_record_started ON hil_record (started_utc);
CREATE INDEX hil_record_run ON hil_record (run);
COMMIT;
