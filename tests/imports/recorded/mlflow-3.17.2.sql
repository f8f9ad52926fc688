PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('dc11669786a5');
CREATE TABLE IF NOT EXISTS "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO runs VALUES('a33fd65ad3a6481dbe97d5ca980ffe65','learn','UNKNOWN','','','unknown','FINISHED',1781078400000,1781092800000,'','active','/tmp/mlstores/mlruns/1/a33fd65ad3a6481dbe97d5ca980ffe65/artifacts',1,NULL);
INSERT INTO runs VALUES('71996114463b4adfa9c9826e649b4e94','same again','UNKNOWN','','','unknown','FINISHED',1781096400000,1781110800000,'','active','/tmp/mlstores/mlruns/1/71996114463b4adfa9c9826e649b4e94/artifacts',1,NULL);
INSERT INTO runs VALUES('2fdabd44bf58416aa869fc34120f9b04','broke','UNKNOWN','','','unknown','FAILED',1781114400000,1781118000000,'','active','/tmp/mlstores/mlruns/1/2fdabd44bf58416aa869fc34120f9b04/artifacts',1,NULL);
INSERT INTO runs VALUES('86146884c59e4b808dec0ef75af8232c','given up','UNKNOWN','','','unknown','KILLED',1781121600000,1781128800000,'','active','/tmp/mlstores/mlruns/1/86146884c59e4b808dec0ef75af8232c/artifacts',1,NULL);
INSERT INTO runs VALUES('8c536722d96740c9b6b3d5fcaf532207','no end','UNKNOWN','','','unknown','RUNNING',1781136000000,NULL,'','active','/tmp/mlstores/mlruns/1/8c536722d96740c9b6b3d5fcaf532207/artifacts',1,NULL);
INSERT INTO runs VALUES('db0036574b7f4178a8ac292a010b614b','never began','UNKNOWN','','','unknown','RUNNING',1781143200000,NULL,'','active','/tmp/mlstores/mlruns/1/db0036574b7f4178a8ac292a010b614b/artifacts',1,NULL);
INSERT INTO runs VALUES('a7a289e1a6134388a5b12aa3ed0a00c3','backwards','UNKNOWN','','','unknown','FINISHED',1781164800000,1781157600000,'','active','/tmp/mlstores/mlruns/1/a7a289e1a6134388a5b12aa3ed0a00c3/artifacts',1,NULL);
INSERT INTO runs VALUES('46ae2fd653e54649b03c4f8fadde4153','odd card','UNKNOWN','','','unknown','FINISHED',1781186400000,1781190000000,'','active','/tmp/mlstores/mlruns/1/46ae2fd653e54649b03c4f8fadde4153/artifacts',1,NULL);
INSERT INTO runs VALUES('519bc628594342d8857ee7056cde72a9','no tag','UNKNOWN','','','unknown','FINISHED',1781193600000,1781197200000,'','active','/tmp/mlstores/mlruns/1/519bc628594342d8857ee7056cde72a9/artifacts',1,NULL);
INSERT INTO runs VALUES('20242388ae2c4f51b62ac76bda4517e8','final','UNKNOWN','','','unknown','FINISHED',1781222400000,1781244000000,'','active','/tmp/mlstores/mlruns/1/20242388ae2c4f51b62ac76bda4517e8/artifacts',1,NULL);
INSERT INTO runs VALUES('d6e14538d8f143768578853e823af696','deleted','UNKNOWN','','','unknown','FINISHED',1781251200000,1781254800000,'','deleted','/tmp/mlstores/mlruns/1/d6e14538d8f143768578853e823af696/artifacts',1,1795274082128);
INSERT INTO runs VALUES('2e7903f74aaa4962bd56a334dfd6028a','shares 1','UNKNOWN','','','unknown','FINISHED',1781280000000,1781287200000,'','active','/tmp/mlstores/mlruns/1/2e7903f74aaa4962bd56a334dfd6028a/artifacts',1,NULL);
INSERT INTO runs VALUES('100b63a7cdd94a5eba5098d786b84ad2','shares 2','UNKNOWN','','','unknown','FINISHED',1781283600000,1781290800000,'','active','/tmp/mlstores/mlruns/1/100b63a7cdd94a5eba5098d786b84ad2/artifacts',1,NULL);
INSERT INTO runs VALUES('5c77c0feb5074752bbf21dc5838f9760','sweep','UNKNOWN','','','unknown','FINISHED',1781308800000,1781319600000,'','active','/tmp/mlstores/mlruns/1/5c77c0feb5074752bbf21dc5838f9760/artifacts',1,NULL);
INSERT INTO runs VALUES('a849044573bb4b099adca1dcb36969d4','child 1','UNKNOWN','','','unknown','FINISHED',1781308800000,1781312400000,'','active','/tmp/mlstores/mlruns/1/a849044573bb4b099adca1dcb36969d4/artifacts',1,NULL);
INSERT INTO runs VALUES('971170a0d49b4934ac46fb5df5057b10','child 2','UNKNOWN','','','unknown','FINISHED',1781312400000,1781317800000,'','active','/tmp/mlstores/mlruns/1/971170a0d49b4934ac46fb5df5057b10/artifacts',1,NULL);
CREATE TABLE IF NOT EXISTS "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO latest_metrics VALUES('loss',0.5,1781085600000,1,0,'a33fd65ad3a6481dbe97d5ca980ffe65');
INSERT INTO latest_metrics VALUES('loss',1.0,1781100000000,0,0,'71996114463b4adfa9c9826e649b4e94');
INSERT INTO latest_metrics VALUES('loss',1.0,1781125200000,0,0,'86146884c59e4b808dec0ef75af8232c');
INSERT INTO latest_metrics VALUES('loss',0.5,1781146800000,1,0,'8c536722d96740c9b6b3d5fcaf532207');
INSERT INTO latest_metrics VALUES('loss',0.5,1781240400000,1,0,'20242388ae2c4f51b62ac76bda4517e8');
CREATE TABLE IF NOT EXISTS "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO metrics VALUES('loss',1.0,1781082000000,'a33fd65ad3a6481dbe97d5ca980ffe65',0,0);
INSERT INTO metrics VALUES('loss',0.5,1781085600000,'a33fd65ad3a6481dbe97d5ca980ffe65',1,0);
INSERT INTO metrics VALUES('loss',1.0,1781100000000,'71996114463b4adfa9c9826e649b4e94',0,0);
INSERT INTO metrics VALUES('loss',1.0,1781125200000,'86146884c59e4b808dec0ef75af8232c',0,0);
INSERT INTO metrics VALUES('loss',1.0,1781139600000,'8c536722d96740c9b6b3d5fcaf532207',0,0);
INSERT INTO metrics VALUES('loss',0.5,1781146800000,'8c536722d96740c9b6b3d5fcaf532207',1,0);
INSERT INTO metrics VALUES('loss',1.0,1781226000000,'20242388ae2c4f51b62ac76bda4517e8',0,0);
INSERT INTO metrics VALUES('loss',0.5,1781240400000,'20242388ae2c4f51b62ac76bda4517e8',1,0);
CREATE TABLE IF NOT EXISTS "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO params VALUES('lr','1e-4','a33fd65ad3a6481dbe97d5ca980ffe65');
INSERT INTO params VALUES('epochs','3','a33fd65ad3a6481dbe97d5ca980ffe65');
INSERT INTO params VALUES('lr','1e-4','71996114463b4adfa9c9826e649b4e94');
INSERT INTO params VALUES('epochs','3','71996114463b4adfa9c9826e649b4e94');
INSERT INTO params VALUES('lr','1e-2','2fdabd44bf58416aa869fc34120f9b04');
INSERT INTO params VALUES('epochs','3','2fdabd44bf58416aa869fc34120f9b04');
INSERT INTO params VALUES('lr','1e-3','86146884c59e4b808dec0ef75af8232c');
INSERT INTO params VALUES('epochs','9','86146884c59e4b808dec0ef75af8232c');
INSERT INTO params VALUES('lr','2e-4','8c536722d96740c9b6b3d5fcaf532207');
INSERT INTO params VALUES('epochs','3','8c536722d96740c9b6b3d5fcaf532207');
INSERT INTO params VALUES('lr','3e-4','db0036574b7f4178a8ac292a010b614b');
INSERT INTO params VALUES('epochs','3','db0036574b7f4178a8ac292a010b614b');
INSERT INTO params VALUES('lr','4e-4','a7a289e1a6134388a5b12aa3ed0a00c3');
INSERT INTO params VALUES('epochs','3','a7a289e1a6134388a5b12aa3ed0a00c3');
INSERT INTO params VALUES('lr','5e-4','46ae2fd653e54649b03c4f8fadde4153');
INSERT INTO params VALUES('lr','6e-4','519bc628594342d8857ee7056cde72a9');
INSERT INTO params VALUES('lr','1e-4','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO params VALUES('epochs','5','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO params VALUES('lr','7e-4','d6e14538d8f143768578853e823af696');
INSERT INTO params VALUES('lr','8e-4','2e7903f74aaa4962bd56a334dfd6028a');
INSERT INTO params VALUES('lr','9e-4','100b63a7cdd94a5eba5098d786b84ad2');
INSERT INTO params VALUES('sweep','1','5c77c0feb5074752bbf21dc5838f9760');
INSERT INTO params VALUES('lr','1e-5','a849044573bb4b099adca1dcb36969d4');
INSERT INTO params VALUES('lr','2e-5','971170a0d49b4934ac46fb5df5057b10');
CREATE TABLE IF NOT EXISTS "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO tags VALUES('instance_type','gpu-2','a33fd65ad3a6481dbe97d5ca980ffe65');
INSERT INTO tags VALUES('mlflow.runName','learn','a33fd65ad3a6481dbe97d5ca980ffe65');
INSERT INTO tags VALUES('instance_type','gpu-2','71996114463b4adfa9c9826e649b4e94');
INSERT INTO tags VALUES('mlflow.runName','same again','71996114463b4adfa9c9826e649b4e94');
INSERT INTO tags VALUES('instance_type','gpu-2','2fdabd44bf58416aa869fc34120f9b04');
INSERT INTO tags VALUES('mlflow.runName','broke','2fdabd44bf58416aa869fc34120f9b04');
INSERT INTO tags VALUES('instance_type','gpu-2','86146884c59e4b808dec0ef75af8232c');
INSERT INTO tags VALUES('mlflow.runName','given up','86146884c59e4b808dec0ef75af8232c');
INSERT INTO tags VALUES('instance_type','gpu-2','8c536722d96740c9b6b3d5fcaf532207');
INSERT INTO tags VALUES('mlflow.runName','no end','8c536722d96740c9b6b3d5fcaf532207');
INSERT INTO tags VALUES('instance_type','gpu-2','db0036574b7f4178a8ac292a010b614b');
INSERT INTO tags VALUES('mlflow.runName','never began','db0036574b7f4178a8ac292a010b614b');
INSERT INTO tags VALUES('instance_type','gpu-2','a7a289e1a6134388a5b12aa3ed0a00c3');
INSERT INTO tags VALUES('mlflow.runName','backwards','a7a289e1a6134388a5b12aa3ed0a00c3');
INSERT INTO tags VALUES('instance_type','mystery-9000','46ae2fd653e54649b03c4f8fadde4153');
INSERT INTO tags VALUES('mlflow.runName','odd card','46ae2fd653e54649b03c4f8fadde4153');
INSERT INTO tags VALUES('mlflow.runName','no tag','519bc628594342d8857ee7056cde72a9');
INSERT INTO tags VALUES('instance_type','gpu-2','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO tags VALUES('tco.final','true','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO tags VALUES('machines','2','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO tags VALUES('mlflow.runName','final','20242388ae2c4f51b62ac76bda4517e8');
INSERT INTO tags VALUES('instance_type','gpu-2','d6e14538d8f143768578853e823af696');
INSERT INTO tags VALUES('mlflow.runName','deleted','d6e14538d8f143768578853e823af696');
INSERT INTO tags VALUES('instance_type','gpu-2','2e7903f74aaa4962bd56a334dfd6028a');
INSERT INTO tags VALUES('host','gpu-7','2e7903f74aaa4962bd56a334dfd6028a');
INSERT INTO tags VALUES('mlflow.runName','shares 1','2e7903f74aaa4962bd56a334dfd6028a');
INSERT INTO tags VALUES('instance_type','gpu-2','100b63a7cdd94a5eba5098d786b84ad2');
INSERT INTO tags VALUES('host','gpu-7','100b63a7cdd94a5eba5098d786b84ad2');
INSERT INTO tags VALUES('mlflow.runName','shares 2','100b63a7cdd94a5eba5098d786b84ad2');
INSERT INTO tags VALUES('instance_type','gpu-2','5c77c0feb5074752bbf21dc5838f9760');
INSERT INTO tags VALUES('mlflow.runName','sweep','5c77c0feb5074752bbf21dc5838f9760');
INSERT INTO tags VALUES('instance_type','gpu-2','a849044573bb4b099adca1dcb36969d4');
INSERT INTO tags VALUES('mlflow.parentRunId','5c77c0feb5074752bbf21dc5838f9760','a849044573bb4b099adca1dcb36969d4');
INSERT INTO tags VALUES('mlflow.runName','child 1','a849044573bb4b099adca1dcb36969d4');
INSERT INTO tags VALUES('instance_type','gpu-2','971170a0d49b4934ac46fb5df5057b10');
INSERT INTO tags VALUES('mlflow.parentRunId','5c77c0feb5074752bbf21dc5838f9760','971170a0d49b4934ac46fb5df5057b10');
INSERT INTO tags VALUES('mlflow.runName','child 2','971170a0d49b4934ac46fb5df5057b10');
CREATE TABLE IF NOT EXISTS "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO experiments VALUES(0,'Default','/tmp/mlstores/mlruns/0','active',1795274081898,1795274081898,'default');
INSERT INTO experiments VALUES(1,'tickets','/tmp/mlstores/mlruns/1','active',1795274081901,1795274081901,'default');
COMMIT;
